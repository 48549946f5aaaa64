"""The one label-safe path for geometry: torchvision's `tv_tensors` move with the image, by one draw."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as T
from torchvision.tv_tensors import TVTensor

from refine.errors import InputError


@dataclass(frozen=True)
class Augmentation:
    """Which geometric changes an image may go through in training.

    Attributes:
        crop: Height and width of a random crop; None keeps the whole image.
        shift: Largest shift in pixels, each way; the border is replicated.
        horizontal_flip: Whether mirroring left and right keeps every label true.
        vertical_flip: The same for up and down.
    """

    crop: tuple[int, int] | None = None
    shift: int = 0
    horizontal_flip: bool = False
    vertical_flip: bool = False

    def __call__(self, image: Tensor, label: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Change an image and its label alike.

        Args:
            image: ``(C, H, W)``, a plain tensor or a `tv_tensors.Image`.
            label: A `tv_tensors` mask or box moves with the image; any other tensor stays as it is.
            generator: Draws everything.
        """
        if self.shift:
            down, across = (int(v) for v in torch.randint(2 * self.shift + 1, (2,), generator=generator))
            size = list(image.shape[-2:])
            image, label = _both(lambda x: T.pad(x, [self.shift] * 4, padding_mode="edge"), image, label)
            image, label = _both(lambda x: T.crop(x, down, across, *size), image, label)
        if self.crop is not None:
            height, width = self.crop
            top = int(torch.randint(image.shape[-2] - height + 1, (), generator=generator))
            left = int(torch.randint(image.shape[-1] - width + 1, (), generator=generator))
            image, label = _both(lambda x: T.crop(x, top, left, height, width), image, label)
        if self.horizontal_flip and torch.rand((), generator=generator) < 0.5:
            image, label = _both(T.horizontal_flip, image, label)
        if self.vertical_flip and torch.rand((), generator=generator) < 0.5:
            image, label = _both(T.vertical_flip, image, label)
        return image, label

    def check(self, name: str, size: tuple[int, int]) -> None:
        """Raise `InputError` if an image of this height and width is smaller than the crop."""
        if self.crop is not None and (size[0] < self.crop[0] or size[1] < self.crop[1]):
            raise InputError(
                f"{name}: {size[0]}x{size[1]} (height x width) is smaller than the crop "
                f"{self.crop[0]}x{self.crop[1]}; set a smaller crop, or resize"
            )


def _both(change: Callable[[Tensor], Tensor], image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    return change(image), change(label) if isinstance(label, TVTensor) else label
