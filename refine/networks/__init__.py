"""Pure modules, named as their papers name them."""

from refine.networks.patchgan import PatchGAN
from refine.networks.resnet_generator import ResnetGenerator
from refine.networks.simgan import LocalDiscriminator, Refiner

__all__ = ["LocalDiscriminator", "PatchGAN", "Refiner", "ResnetGenerator"]
