"""Masks of single objects as COCO stores them: run lengths, plain or as a string, and polygons.

Run lengths go down the columns, zeros first. The string holds each as groups of 5 bits, from the fourth on as the
difference to the one before the last (cocodataset.org/#format-data, and ``maskApi.c`` of the COCO API). They are read
here: pycocotools returns uninitialized memory for runs that end before the mask does. Polygons are filled by it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refine.errors import InputError


def from_rle(segmentation: dict[str, Any], size: tuple[int, int], where: str) -> NDArray[np.bool_]:
    """``(H, W)`` bool from ``{"size": [H, W], "counts": [...] or "..."}``.

    Raises:
        InputError: If its size is not the image's, or the runs do not fill it. ``where`` stands before the message.
    """
    height, width = size
    stated, counts = segmentation.get("size"), segmentation.get("counts")
    if stated != [height, width]:
        raise InputError(f"{where}: a mask of size {stated}, but the image is [{height}, {width}] (height, width)")
    runs = _runs(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise InputError(f"{where}: the counts of its mask are no run lengths; replace the file")
    if sum(runs) != height * width:
        raise InputError(f"{where}: the runs of its mask fill {sum(runs)} of {height * width} pixels; replace the file")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def _runs(counts: str) -> list[int] | None:
    """Run lengths from the string; None if it is cut off."""
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 30:  # runs have 32 bits
            return None
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            if code & 16:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return None if shift else runs


def from_polygons(rings: Sequence[Sequence[float]], size: tuple[int, int], where: str) -> NDArray[np.bool_]:
    """``(H, W)`` bool: the pixels inside any of the polygons ``[x1, y1, x2, y2, …]``, as pycocotools fills them.

    Raises:
        InputError: If pycocotools is not there, or a polygon reaches far out of the image.
    """
    try:
        from pycocotools import mask as coco_mask
    except ImportError as error:
        raise InputError(
            f"{where}: polygons and run lengths in one image need pycocotools; pip install 'sim2real-refine[coco]'"
        ) from error
    height, width = size
    far = 2 * max(height, width)  # its time and memory grow with the outline
    if any(abs(value) > far for ring in rings for value in ring):
        raise InputError(f"{where}: a polygon reaches far out of the image, to {max(map(max, rings)):g}; correct it")
    encoded = coco_mask.frPyObjects([list(ring) for ring in rings], height, width)
    filled: NDArray[np.bool_] = coco_mask.decode(coco_mask.merge(encoded)).astype(bool)
    return filled
