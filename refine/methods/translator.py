"""Base class of translators: `refine(images)` at any size, gray or RGB, for tensors, arrays and PIL images."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from refine.data.images import to_float, to_levels
from refine.data.samples import TrainingData, UnpairedBatch
from refine.errors import InputError
from refine.methods.base import Method, Plain
from refine.networks.layers import pad, padding_for, unpad, with_channels

Pictures = TypeVar("Pictures", Tensor, NDArray[np.uint8], Image.Image)

LARGEST_WORKING_SIDE = 4096
"""Longest side that images are resized to before a network sees them."""


class Translator(Method):
    """A method that maps synthetic images to refined ones."""

    multiple = 1
    """The network takes sides that are multiples of this."""
    smallest_side = 1
    """The network takes sides from this on, before rounding up to `multiple`."""

    def build(self) -> None:
        """Begin with neither a working size nor a share of the change."""
        super().build()
        self.working_size: tuple[int, int] | None = None
        self.strength = 1.0
        """Share of the change that `refine` makes, 0 to 1. It belongs to calls, so no checkpoint holds it."""

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
        """Return what else could be set where images are too small; it goes on with the error's sentence."""
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
        """Apply a network that takes the sizes of this method's to images of any size, gray ones among them."""
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
        return unpad(network(pad(images, padding)), padding)

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


LARGEST_VALUE = 1.5
"""Absolute values up to which floats may be meant for [-1, 1]: interpolation overshoots a little."""
LEVEL_TOLERANCE, FEWEST_EVEN_LEVELS = 0.01, 4
"""Part of a level by which whole ones may miss; and how many even ones are no chance."""


def as_batch(images: Tensor | NDArray[Any] | Image.Image) -> tuple[Tensor, Callable[[Tensor], Any]]:
    """Images as ``(B, C, H, W)`` floats in [-1, 1], and what brings such a batch back to what was given.

    Args:
        images: A batch already; a PIL image (gray or RGB); or a uint8 array ``(H, W)``, ``(H, W, C)`` or
            ``(B, H, W, C)``, C = 1 or 3.

    Raises:
        ValueError: If shape, range or type is another one.
    """
    if isinstance(images, Image.Image):
        if images.mode not in {"L", "RGB"}:
            raise ValueError(f"an image of mode {images.mode}; expected L or RGB: image.convert('RGB')")
        batch, back = as_batch(np.asarray(images))
        return batch, lambda refined: Image.fromarray(back(refined))
    if isinstance(images, np.ndarray):
        return _of_array(images)
    if not isinstance(images, Tensor):
        raise ValueError(f"a {type(images).__name__}; expected a tensor, a PIL image or a uint8 array, one at a time")
    if images.ndim != 4 or images.shape[1] not in {1, 3} or not images.numel():
        raise ValueError(f"a tensor of shape {tuple(images.shape)}; expected (B, C, H, W) with C = 1 or 3")
    if not images.is_floating_point():
        raise ValueError(f"a tensor of {images.dtype}; expected floats in [-1, 1]: images / 127.5 - 1")
    if images.dtype != torch.float32:
        raise ValueError(f"a tensor of {images.dtype}; expected float32: images.float()")
    # Elsewhere the look would wait for the device.
    if images.device.type == "cpu":
        _require_range(images)
    return images, lambda refined: refined


def _require_range(images: Tensor) -> None:
    """Refuse floats that are not meant for [-1, 1]: levels of 8 bits are odd multiples of 1/255 there, and all of them
    where they were divided by 255.
    """
    lowest, highest = (value.item() for value in images.aminmax())
    if not (lowest >= -LARGEST_VALUE and highest <= LARGEST_VALUE):
        raise ValueError(f"values from {lowest:.3g} to {highest:.3g}; expected floats in [-1, 1]")
    if lowest < 0 or highest > 1 or images.dtype != torch.float32:
        return
    levels = images * 255
    whole = levels.round()
    even = torch.unique(whole[whole % 2 == 0])
    if len(even) >= FEWEST_EVEN_LEVELS and bool(((levels - whole).abs() < LEVEL_TOLERANCE).all()):
        raise ValueError("values from 0 to 1, levels divided by 255; expected floats in [-1, 1]: images * 2 - 1")


def _of_array(images: NDArray[Any]) -> tuple[Tensor, Callable[[Tensor], NDArray[np.uint8]]]:
    shape = images.shape
    if images.dtype != np.uint8:
        raise ValueError(f"an array of {images.dtype}; expected uint8 levels from 0 to 255, or a tensor in [-1, 1]")
    if images.ndim == 2:
        images = images[None, :, :, None]
    elif images.ndim == 3:
        images = images[None]
    if images.ndim != 4 or images.shape[3] not in {1, 3} or not images.size:
        raise ValueError(f"an array of shape {shape}; expected (H, W), (H, W, C) or (B, H, W, C) with C = 1 or 3")
    batch = to_float(torch.from_numpy(np.array(images, order="C")).permute(0, 3, 1, 2))
    return batch, lambda refined: to_levels(refined).permute(0, 2, 3, 1).cpu().numpy().reshape(shape)
