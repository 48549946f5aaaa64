"""Images as people hold them in Python: PIL images and numpy arrays as batches, and back."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from refine.data.images import to_float, to_levels

LARGEST = 1.5
"""Absolute values up to which floats may be meant for [-1, 1]: interpolation overshoots a little."""
STEP, FEW = 0.01, 4
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
    if images.dtype == torch.float64:
        raise ValueError("a tensor of torch.float64; expected float32: images.float()")
    # Elsewhere the look would wait for the device.
    if images.device.type == "cpu":
        _require_range(images)
    return images, lambda refined: refined


def _require_range(images: Tensor) -> None:
    """Refuse floats that are not meant for [-1, 1]: levels of 8 bits are odd multiples of 1/255 there, and all of them
    where they were divided by 255.
    """
    lowest, highest = (value.item() for value in images.aminmax())
    if not (lowest >= -LARGEST and highest <= LARGEST):
        raise ValueError(f"values from {lowest:.3g} to {highest:.3g}; expected floats in [-1, 1]")
    if lowest < 0 or highest > 1 or images.dtype != torch.float32:
        return
    levels = images * 255
    whole = levels.round()
    even = torch.unique(whole[whole % 2 == 0])
    if len(even) >= FEW and bool(((levels - whole).abs() < STEP).all()):
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
    batch = to_float(torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2))
    return batch, lambda refined: to_levels(refined).permute(0, 2, 3, 1).cpu().numpy().reshape(shape)
