"""Pure modules, named as their papers name them."""

from refine.networks.classifier import SmallCNN
from refine.networks.detector import SmallDetector
from refine.networks.dtn import DTN
from refine.networks.feature_discriminator import FeatureDiscriminator
from refine.networks.lenet import LeNet
from refine.networks.patch_projection import PatchProjection
from refine.networks.patchgan import PatchGAN
from refine.networks.pixel_discriminator import PixelDiscriminator
from refine.networks.regressor import SmallRegressor
from refine.networks.resnet_generator import ResnetGenerator
from refine.networks.segmenter import UNet
from refine.networks.simgan import LocalDiscriminator, Refiner
from refine.networks.torchvision_resnet import ResNet, TorchvisionSegmenter
from refine.networks.unet_generator import UNetGenerator

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
