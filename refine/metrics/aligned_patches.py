"""Square patches of images with what their label maps say, and which patches of two domains show alike things."""

from typing import NamedTuple

import torch
from torch import Tensor

from refine.data.resampling import resize_ids
from refine.labels import IGNORE

SHARE = 8
"""A patch has one eighth of an image's pixels."""
GRID = 16
"""Cells on a side of a patch's label map."""
LEAST = 0.5
"""Of the cells of two patches that have to agree."""
_ROWS = 1024  # patches that are matched at once: bounds memory


class Matches(NamedTuple):
    """Pairs of patches, one a row."""

    first: Tensor
    """``(M,)`` int64: of the patches that were matched."""
    second: Tensor
    """``(M,)`` int64: of the ones that they were matched with; some stand more than once."""
    agreement: Tensor
    """``(M,)`` float32: the share of cells of one class in both, at least `LEAST`."""


def patch_side(size: tuple[int, int]) -> int:
    """Height and width of a patch of an image of this height and width, in pixels."""
    return max(1, min(int((size[0] * size[1] / SHARE) ** 0.5), *size))


def draw_corners(size: tuple[int, int], images: int, count: int, generator: torch.Generator) -> Tensor:
    """``(images, count, 2)`` int64: upper left corners (y, x) of patches, anywhere inside."""
    free = torch.tensor([length - patch_side(size) + 1 for length in size])
    # an image at a time: so the places do not depend on how many come at once
    draws = [torch.rand(count, 2, generator=generator, dtype=torch.float64) for _ in range(images)]
    return (torch.stack(draws) * free).long()


def cut(images: Tensor, corners: Tensor) -> Tensor:
    """The patches of images.

    Args:
        images: ``(B, C, H, W)``, or label maps ``(B, H, W)``, of any type.
        corners: ``(B, P, 2)`` as `draw_corners` gives them.

    Returns:
        ``(B * P, C, S, S)`` or ``(B * P, S, S)``, the patches of the first image first.
    """
    side = patch_side((images.shape[-2], images.shape[-1]))
    return torch.stack(
        [
            image[..., y : y + side, x : x + side]
            for image, places in zip(images, corners.tolist(), strict=True)
            for y, x in places
        ]
    )


def grids(maps: Tensor) -> Tensor:
    """``(P, S, S)`` class ids to ``(P, 256)`` uint8: the ids at the centers of 16x16 cells."""
    return resize_ids(maps, (GRID, GRID)).flatten(1).to(torch.uint8)


def agreement(first: Tensor, second: Tensor) -> Tensor:
    """How many cells are of one class in both.

    Args:
        first: ``(A, G)`` uint8; 255 is no class and agrees with nothing.
        second: ``(B, G)`` uint8.

    Returns:
        ``(A, B)`` float32, whole numbers up to G.
    """
    counts = torch.zeros(len(first), len(second), device=first.device)
    for number in torch.unique(first).tolist():
        if number != IGNORE:
            counts += (first == number).float() @ (second == number).float().T
    return counts


def match(first: Tensor, second: Tensor, generator: torch.Generator, least: float = LEAST) -> Matches:
    """For each patch of one domain the patch of the other whose label map is most like its own.

    Args:
        first: ``(A, G)`` uint8, as `grids` gives them.
        second: ``(B, G)`` uint8.
        generator: Chooses among equally good patches: a road is like any other.
        least: Share of the cells that must agree for a pair to be kept.
    """
    found, best = [], []
    for rows in torch.split(first, _ROWS):
        counts = agreement(rows, second)
        noise = torch.rand(counts.shape, generator=generator).to(counts.device)  # below 1: counts are whole
        chosen = (counts + noise).argmax(dim=1)
        found.append(chosen)
        best.append(counts.gather(1, chosen[:, None])[:, 0] / first.shape[1])
    share, second_index = torch.cat(best), torch.cat(found)
    kept = (share >= least).nonzero()[:, 0]
    return Matches(kept, second_index[kept], share[kept])
