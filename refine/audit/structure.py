"""Evidence that asks no label: is everything still where it was, and is nothing lost or invented?"""

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.audit.displacement import displacement
from refine.audit.edges import STRONG, halved, one_sided, oriented_edges, strength
from refine.audit.self_similarity import self_similarity_change

LONGEST = 512
"""Images whose longer side is longer are halved until it is not; displacements are then multiples of two pixels, four,
and so on, and faint detail does not count."""

STRUCTURE = (
    "displacement_mean_pixels",
    "displacement_largest_pixels",
    "structure_unmatched",
    "edges_lost",
    "edges_appeared",
    "edges_lost_worst_region",
    "edges_appeared_worst_region",
    "self_similarity_change",
    "self_similarity_change_worst_region",
)
"""Names of what `structure` gives."""


@torch.no_grad()
def structure(before: Tensor, after: Tensor) -> dict[str, Tensor]:
    """Every measure of structure, from the two images alone.

    Args:
        before: ``(B, C, H, W)`` synthetic images, any float range, sides of 8 or more.
        after: The refined ones, the same size; colors, contrasts, and which side of an edge is bright do not count.

    Returns:
        `STRUCTURE` to ``(B,)`` float32, finite, 0 for equal images, higher is more suspicious.

    Raises:
        ValueError: If the sizes differ or are too small.
    """
    if before.shape[-2:] != after.shape[-2:]:
        raise ValueError(f"before {tuple(before.shape)} and after {tuple(after.shape)}: expected the same size")
    full = max(before.shape[-2:])
    before, after = halved(before.float(), LONGEST), halved(after.float(), LONGEST)
    factor = round(full / max(before.shape[-2:]))
    moved = displacement(before, after)
    similar = self_similarity_change(before, after)
    one, other = oriented_edges(before), oriented_edges(after)
    lost, appeared = one_sided(one, other), one_sided(other, one)
    values = (
        factor * moved.mean,
        factor * moved.largest,
        moved.unmatched,
        *(_share(gone, edges) for gone, edges in ((lost, one), (appeared, other))),
        *(_worst_region(gone) for gone in (lost, appeared)),
        *similar,
    )
    return dict(zip(STRUCTURE, values, strict=True))


def _share(gone: Tensor, edges: Tensor) -> Tensor:
    """Of the strength of all strong edges, the part that is gone; 0 without any."""
    strong = strength(edges)
    strong = torch.where(strong >= STRONG, strong, 0.0)
    return gone.sum((1, 2, 3)) / strong.sum((1, 2, 3)).clamp_min(1e-6)


def _worst_region(gone: Tensor) -> Tensor:
    """The largest mean over any window of a quarter of the shorter side."""
    window = max(3, min(gone.shape[-2:]) // 4)
    return F.avg_pool2d(gone, window, stride=1).amax((1, 2, 3))
