"""Pure modules, named as their papers name them."""

from refine.networks.detector import SmallDetector
from refine.networks.digit_networks import DTN, LeNet
from refine.networks.discriminators import FeatureDiscriminator, PatchGAN, PixelDiscriminator
from refine.networks.generators import ResnetGenerator, UNetGenerator
from refine.networks.patch_projection import PatchProjection
from refine.networks.simgan import LocalDiscriminator, Refiner
from refine.networks.small_networks import SmallCNN, SmallRegressor, UNet
from refine.networks.torchvision_resnet import ResNet, TorchvisionSegmenter

__all__ = [
    "DTN",
    "FeatureDiscriminator",
    "LeNet",
    "LocalDiscriminator",
    "PatchGAN",
    "PatchProjection",
    "PixelDiscriminator",
    "Refiner",
    "ResNet",
    "ResnetGenerator",
    "SmallCNN",
    "SmallDetector",
    "SmallRegressor",
    "TorchvisionSegmenter",
    "UNet",
    "UNetGenerator",
]
