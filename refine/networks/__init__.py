"""Pure modules, named as their papers name them."""

from refine.networks.dtn import DTN
from refine.networks.feature_discriminator import FeatureDiscriminator
from refine.networks.lenet import LeNet
from refine.networks.patchgan import PatchGAN
from refine.networks.pixel_discriminator import PixelDiscriminator
from refine.networks.regressor import SmallRegressor
from refine.networks.resnet_generator import ResnetGenerator
from refine.networks.segmenter import UNet
from refine.networks.simgan import LocalDiscriminator, Refiner
from refine.networks.unet_generator import UNetGenerator

__all__ = [
    "DTN",
    "FeatureDiscriminator",
    "LeNet",
    "LocalDiscriminator",
    "PatchGAN",
    "PixelDiscriminator",
    "Refiner",
    "ResnetGenerator",
    "SmallRegressor",
    "UNet",
    "UNetGenerator",
]
