"""Displacement of content between an image before and after: blocks of oriented edges, whatever their colors.

Where edges moved, every label that says where something is may be wrong.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.audit.calibration import above
from refine.audit.evidence import LEARNED_BAR, AuditContext, Evidence, halves
from refine.audit.judges import Scores
from refine.audit.perturbations import PERTURBATIONS, gaussian
from refine.data.images import to_float

STRUCTURE, DISPLACEMENT = "structure", "displacement_mean_pixels"
"""Names of the evidence and of its measure."""
RESOLUTION_PIXELS = 0.5
"""Smaller displacements cannot be told from none."""
PAIRS_PER_CALL = 32
SMOOTHING_PIXELS = 1.0
"""Standard deviation of the blur under the derivatives and over their products."""
NEIGHBORHOOD_PIXELS = 6.0
"""Standard deviation of the neighborhood that strengths are held against."""
FLOOR = 1.0
"""Part of an image's mean strength that is added to that of the neighborhood, so that flat regions stay flat."""
LONGEST_SIDE_PIXELS = 512
"""Images whose longer side is longer are halved until it is not; displacements are then multiples of two pixels, four,
and so on."""
BLOCK_SIDE_PIXELS = (16, 32)
"""Shortest and longest side of a block: a quarter of the image's shorter side, within these."""
WINDOW_PIXELS = 8
"""Longest displacement that is looked for, across and down; at most a third of a side."""
TEXTURED = 0.5
"""A block counts if it has this part of the mean edge strength of all blocks of its image."""
SURE_CORRELATION = 0.5
"""Correlation that a match must reach to say where a block went."""
ALIKE_CORRELATION = 0.01
"""The nearest of the matches whose correlation is within this of the best is taken: an edge that slides along itself
did not move."""


def moved_structure(context: AuditContext) -> Evidence:
    """Return the displacement of edges and contours of every image as evidence, which asks for a review only."""
    pairs, chosen = context.pairs, context.sample()
    generator = torch.Generator().manual_seed(context.options.seed)
    before = to_float(pairs.synthetic[chosen])
    perturbed: dict[str, Scores] = {}
    for name, change in PERTURBATIONS:
        shifts = displacement(before, change(before, generator))
        perturbed[name] = {DISPLACEMENT: shifts.clamp_min(RESOLUTION_PIXELS)}
    first, held_out = halves(perturbed, torch.arange(len(chosen)) % 2 == 0)
    parts = zip(*(torch.split(side, PAIRS_PER_CALL) for side in (pairs.synthetic, pairs.refined)), strict=True)
    scores = torch.cat([displacement(to_float(one), to_float(other)) for one, other in parts])
    found = Evidence(STRUCTURE, {DISPLACEMENT: scores}, {}, first, held_out, decides=False)
    calm = 1.0 - float(above(found.scores, found.limits().review).float().mean())
    why = (
        f"Edges stay where they were in {calm:.1%} of the images (bar {LEARNED_BAR:.0%}: else the translator redraws "
        "them everywhere, and displacement says nothing of single images); it asks for a review only."
    )
    return found._replace(competent=calm >= LEARNED_BAR, measured=calm, bar=LEARNED_BAR, why=why)


@torch.no_grad()
def displacement(before: Tensor, after: Tensor, window: int = WINDOW_PIXELS) -> Tensor:
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
    before, after = halved(before.float(), LONGEST_SIDE_PIXELS), halved(after.float(), LONGEST_SIDE_PIXELS)
    height, width = before.shape[-2:]
    if min(height, width) < 8:
        raise ValueError(f"images of {height}x{width} (height x width); expected sides of 8 or more")
    one, other = oriented_edges(before), oriented_edges(after)
    side = min(height, width, max(BLOCK_SIDE_PIXELS[0], min(BLOCK_SIDE_PIXELS[1], min(height, width) // 4)))
    moves = _nearest_first(min(window, min(height, width) // 3), before.device)
    correlations = _correlations(one, other, side, moves)
    best = correlations.amax(1, keepdim=True)
    near = (correlations >= best - ALIKE_CORRELATION).int().argmax(1)  # the first one: moves are sorted by their length
    pixels = torch.hypot(*moves.float().unbind(1))[near]
    weight = _pooled(strength(one), side)[:, 0]
    textured = weight >= TEXTURED * weight.mean((1, 2), keepdim=True).clamp_min(1e-6)
    found = textured & (best[:, 0] >= SURE_CORRELATION)
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


def oriented_edges(images: Tensor) -> Tensor:
    """Local strength and unsigned direction of edges as vectors that turn twice as fast as the edge.

    An edge from dark to bright and one from bright to dark are the same. Strengths are relative to the neighborhood,
    so that a change of brightness, contrast, or color of the whole image changes next to nothing.

    Args:
        images: ``(B, C, H, W)``, any float range; edges of all channels count together.

    Returns:
        ``(B, 2, H, W)`` float32: cosine and sine of twice the direction, times a strength in [0, 1).

    Source:
        Channels together: Di Zenzo 1986, A note on the gradient of a multi-image. Twice the direction: Bigün and
        Granlund 1987, Optimal orientation detection of linear symmetry.
    """
    smooth = gaussian(images.float(), SMOOTHING_PIXELS)
    padded = F.pad(smooth, (1, 1, 1, 1), mode="replicate")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    twice = torch.stack([(across**2 - down**2).sum(1), (2 * across * down).sum(1)], dim=1)
    twice = gaussian(twice, SMOOTHING_PIXELS)
    squared = strength(twice)
    gradient = squared.sqrt()  # in units of the gradient
    usual = gradient.mean((2, 3), keepdim=True)
    relative = gradient / (gradient + gaussian(gradient, NEIGHBORHOOD_PIXELS) + FLOOR * usual + 1e-4)
    return twice / squared.clamp_min(1e-12) * relative


def strength(edges: Tensor) -> Tensor:
    """Return the length of such vectors, ``(B, 1, H, W)``; in [0, 1) for what `oriented_edges` gives."""
    return (edges**2).sum(1, keepdim=True).sqrt()


def halved(images: Tensor, longest: int) -> Tensor:
    """``(B, C, H, W)`` reduced by averaging to half as often as it takes until no side is longer than ``longest``."""
    while max(images.shape[-2:]) > longest and min(images.shape[-2:]) >= 16:
        images = F.avg_pool2d(images, 2)
    return images
