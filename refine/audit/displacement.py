"""How far content moved between two pictures of one scene, block by block, from their edges alone."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.audit.edges import halved, oriented_edges, strength

LONGEST = 512
"""Images whose longer side is longer are halved until it is not; displacements are then multiples of two pixels, four,
and so on."""
SIDES = (16, 32)
"""Shortest and longest side of a block in pixels: a quarter of the image's shorter side, within these."""
WINDOW = 8
"""Longest displacement that is looked for, in pixels across and down; at most a third of a side."""
TEXTURED = 0.5
"""A block counts if it has this part of the mean edge strength of all blocks of its image."""
SURE = 0.5
"""Correlation that a match must reach to say where a block went."""
ALIKE = 0.01
"""Of matches whose correlation is within this of the best, the nearest is taken: an edge that slides along itself did
not move."""


@torch.no_grad()
def displacement(before: Tensor, after: Tensor, window: int = WINDOW) -> Tensor:
    """Match blocks of oriented edges by normalized correlation over a window.

    Args:
        before: ``(B, C, H, W)``, any float range.
        after: ``(B, D, H, W)``; other colors, contrasts and channels do not count, nor does which side is bright.
        window: Longest displacement in pixels across and down, after the halving.

    Returns:
        ``(B,)`` float32: mean over the textured blocks that were found again, of whole pixels each: what moved by less
        than half of one has not moved. Only the part of a movement across an edge can be seen; a block with edges of
        one direction tells no more. 0 for an image without such blocks.

    Raises:
        ValueError: If the sizes differ, or a side is shorter than 8 pixels.
    """
    if before.shape[-2:] != after.shape[-2:] or before.shape[0] != after.shape[0]:
        raise ValueError(f"before {tuple(before.shape)} and after {tuple(after.shape)}: expected the same size")
    full = max(before.shape[-2:])
    before, after = halved(before.float(), LONGEST), halved(after.float(), LONGEST)
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
    moved = torch.where(found, pixels, 0.0).sum((1, 2)) / found.sum((1, 2)).clamp(min=1)
    return round(full / max(height, width)) * moved


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
