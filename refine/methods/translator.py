"""What every translator shares: `refine(images)`, at any size, gray or RGB."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from refine.data.samples import TrainingData, UnpairedBatch
from refine.errors import InputError
from refine.methods.base import Method, Plain
from refine.methods.pictures import as_batch
from refine.methods.ranges import require_channels
from refine.networks.layers import crop, pad, padding_for, with_channels

Pictures = TypeVar("Pictures", Tensor, NDArray[np.uint8], Image.Image)

LARGEST_WORKING_SIDE = 4096
"""Longest side that images are resized to before a network sees them."""


class Translator(Method):
    """A method that maps synthetic images to refined ones."""

    channels: int
    """What the network takes: 1 (gray) or 3 (RGB)."""
    multiple: int = 1
    """The network takes sides that are multiples of this."""
    smallest_side: int = 1
    """The network takes sides from this on, before rounding up to `multiple`."""

    def __init__(self) -> None:
        super().__init__()
        self.working_size: tuple[int, int] | None = None
        self.strength = 1.0
        """How much of the change `refine` makes, 0 to 1. Of one call and not of the model: no checkpoint holds it."""

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Synthetic to refined, ``(B, channels, H, W)`` in [-1, 1], sides multiples of `multiple`."""

    def prepare(self, stage: str, data: TrainingData | None) -> None:
        """Take over from the data whether images are resized to a working size or cropped at native scale."""
        if stage == "fit" and data is not None:
            if data.working_size is not None and not is_working_size(data.working_size):
                size = "x".join(map(str, data.working_size))
                raise InputError(f"resize is {size}; expected height and width from 1 to {LARGEST_WORKING_SIDE}")
            self.working_size = data.working_size
            self.check_size(data.training_size)

    @property
    def smallest_training_side(self) -> int:
        """Shortest side of a training image."""
        return self.smallest_side

    @property
    def size_advice(self) -> str:
        """What else could be set where images are too small; goes on with the error's sentence."""
        return ""

    def check_size(self, size: tuple[int, int]) -> None:
        """Raise `InputError` if training images of this height and width do not fit the networks."""
        least = self.smallest_training_side
        if min(size) < least or any(side % self.multiple for side in size):
            better = "x".join(str(max(least, side // self.multiple * self.multiple)) for side in size)
            raise InputError(
                f"{type(self).__name__} trains on sides of {least} or more that are multiples of {self.multiple}, "
                f"and the data gives {size[0]}x{size[1]} (height x width); give --data.crop or "
                f"--data.resize, for instance {better}" + self.size_advice
            )

    def inference_state(self) -> dict[str, Plain]:
        """The working size; None where the network was trained at native scale."""
        return {"working_size": None if self.working_size is None else list(self.working_size)}

    def load_inference_state(self, state: Mapping[str, Any]) -> None:
        """Take back the working size.

        Raises:
            ValueError: If it is none.
        """
        size = state["working_size"]
        if size is not None and not is_working_size(size):
            raise ValueError(f"working_size is {size}, expected height and width from 1 to {LARGEST_WORKING_SIDE}")
        self.working_size = None if size is None else (size[0], size[1])

    def require_fitted(self) -> None:
        """Raise `InputError` if the network takes neither gray nor RGB images."""
        require_channels(self.channels)

    @torch.no_grad()
    def refine(self, images: Pictures) -> Pictures:
        """Refine images of any size. No gradient, and nothing random in eval mode.

        A network trained on images resized to a working size sees them at that size, and only its change is
        scaled back: ``x + up(G(down x) - down x)``, so that detail stays. Sides that the network cannot take
        are padded by reflection and cropped back. With a `strength` below 1 only that part of the change is made.

        Args:
            images: ``(B, C, H, W)`` in [-1, 1], C = 1 or 3, or a PIL image or uint8 array as `as_batch` takes them.
                Gray images go through an RGB network as three equal channels and come back as their mean.

        Returns:
            The same type, shape and range.

        Raises:
            ValueError: If the images are RGB and the network is gray, or of another shape, range or type.
        """
        batch, back = as_batch(images)
        batch = batch.to(self.device)
        refined = self._at_any_size(self, batch)
        found: Pictures = back(refined if self.strength == 1.0 else blend(batch, refined, self.strength))
        return found

    def _at_any_size(self, network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """What a network that takes the sizes of this method's makes of images of any size and of gray ones."""
        channels = images.shape[1]
        expanded = with_channels(images, self.channels)
        size = tuple(images.shape[-2:])
        if self.working_size is None or size == self.working_size:
            made = self._padded(network, expanded)
        else:
            small = F.interpolate(expanded, self.working_size, mode="bilinear", antialias=True)
            change = self._padded(network, small) - small
            made = expanded + F.interpolate(change, size, mode="bilinear", antialias=True)
        made = made.clamp(-1.0, 1.0)
        return made.mean(1, keepdim=True) if channels < self.channels else made

    def _padded(self, network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        padding = padding_for(images.shape[-2], images.shape[-1], self.multiple, self.smallest_side)
        return crop(network(pad(images, padding)), padding)

    def validation_step(self, batch: UnpairedBatch, batch_idx: int) -> Tensor:
        """Refined images ``(B, C, H, W)``, for the callbacks to measure and draw."""
        return self.refine(batch["synthetic"].image)


def is_working_size(size: object) -> bool:
    """Whether this is a height and a width that images can be resized to."""
    sides = size if isinstance(size, list | tuple) else ()
    return len(sides) == 2 and all(type(side) is int and 1 <= side <= LARGEST_WORKING_SIDE for side in sides)


def blend(images: Tensor, refined: Tensor, strength: float) -> Tensor:
    """Part of the change: ``images + strength * (refined - images)``.

    Args:
        images: Before, any shape, in [-1, 1].
        refined: After, the same shape and range.
        strength: 0 (before) to 1 (after).
    """
    return (images + strength * (refined - images)).clamp(-1.0, 1.0)
