"""How far content moved between two pictures of one scene, block by block, from their edges alone."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.audit.edges import oriented_edges, strength

SIDES = (16, 32)
"""Shortest and longest side of a block in pixels: a quarter of the image's shorter side, within these."""
WINDOW = 8
"""Longest displacement that is looked for, in pixels across and down; at most a third of a side."""
TEXTURED = 0.5
"""A block counts if it has this part of the mean edge strength of all blocks of its image."""
SURE = 0.5
"""Correlation that a match must reach to say where a block went; below it the block is `unmatched`."""
ALIKE = 0.01
"""Of matches whose correlation is within this of the best, the nearest is taken: an edge that slides along itself did
not move."""


class Displacement(NamedTuple):
    """What became of an image's textured blocks, ``(B,)`` float32 each; all 0 for an image without any."""

    mean: Tensor
    """Pixels, over the blocks that were found again."""
    largest: Tensor
    """Pixels of the block that moved furthest."""
    unmatched: Tensor
    """One less the mean correlation of the best matches, from 0 to 1: structure that is nowhere near any more."""


def displacement(before: Tensor, after: Tensor, window: int = WINDOW) -> Displacement:
    """Match blocks of oriented edges by normalized correlation over a window.

    Args:
        before: ``(B, C, H, W)``, any float range.
        after: ``(B, D, H, W)``; other colors, contrasts and channels do not count, nor does which side is bright.
        window: Longest displacement in pixels across and down.

    Returns:
        Whole pixels in each block: what moved by less than half of one has not moved. Only the part of a movement
        across an edge can be seen; a block with edges of one direction tells no more.

    Raises:
        ValueError: If the sizes differ, or a side is shorter than 8 pixels.
    """
    if before.shape[-2:] != after.shape[-2:] or before.shape[0] != after.shape[0]:
        raise ValueError(f"before {tuple(before.shape)} and after {tuple(after.shape)}: expected the same size")
    height, width = before.shape[-2:]
    if min(height, width) < 8:
        raise ValueError(f"images of {height}x{width} (height x width); expected sides of 8 or more")
    one, other = oriented_edges(before), oriented_edges(after)
    side = min(height, width, max(SIDES[0], min(SIDES[1], min(height, width) // 4)))
    moves = _nearest_first(min(window, min(height, width) // 3), before.device)
    correlations = _correlations(one, other, side, moves)
    best = correlations.amax(1, keepdim=True)
    near = (correlations >= best - ALIKE).int().argmax(1)  # the first one: moves are sorted by their length
    pixels = torch.hypot(*moves.float().unbind(1))[near]
    weight = _pooled(strength(one), side)[:, 0]
    textured = weight >= TEXTURED * weight.mean((1, 2), keepdim=True).clamp_min(1e-6)
    found = textured & (best[:, 0] >= SURE)
    return Displacement(
        mean=_mean(pixels, found),
        largest=torch.where(found, pixels, 0.0).amax((1, 2)),
        unmatched=_mean(1 - best[:, 0].clamp(0, 1), textured),
    )


def _correlations(one: Tensor, other: Tensor, side: int, moves: Tensor) -> Tensor:
    """``(B, moves, rows, columns)``: of each block before with the same block after, moved."""
    reach = int(moves.abs().max())
    padded = F.pad(other, (reach,) * 4)
    energy = _pooled((padded**2).sum(1, keepdim=True), side, stride=1)
    rows, columns = ((size - side) // _stride(side) + 1 for size in one.shape[-2:])
    own = _pooled((one**2).sum(1, keepdim=True), side)
    height, width = one.shape[-2:]
    found = []
    for down, across in (moves + reach).tolist():
        moved = padded[..., down : down + height, across : across + width]
        together = _pooled((one * moved).sum(1, keepdim=True), side)
        there = energy[..., down :: _stride(side), across :: _stride(side)][..., :rows, :columns]
        found.append(together / (own * there).sqrt().clamp_min(1e-6))
    return torch.cat(found, dim=1)


def _nearest_first(window: int, device: torch.device) -> Tensor:
    """``(moves, 2)`` int64 down and across, sorted by length."""
    line = torch.arange(-window, window + 1, device=device)
    moves = torch.cartesian_prod(line, line)
    return moves[(moves**2).sum(1).argsort(stable=True)]


def _stride(side: int) -> int:
    return math.ceil(side / 2)


def _pooled(values: Tensor, side: int, stride: int | None = None) -> Tensor:
    return F.avg_pool2d(values, side, stride or _stride(side))


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    return torch.where(counted, values, 0.0).sum((1, 2)) / counted.sum((1, 2)).clamp(min=1)
