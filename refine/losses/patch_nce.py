"""CUT's patch-wise contrastive loss: a place in the output knows its place in the input."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refine.losses.precision import full_precision


def patch_nce(queries: Tensor, keys: Tensor, temperature: float = 0.07) -> Tensor:
    """Cross-entropy of finding each query's own location among all the locations of its image.

    Args:
        queries: ``(B, N, D)``, features of the output at N locations, of norm 1.
        keys: ``(B, N, D)``, features of the input at the same locations, of norm 1; no gradient flows into them.
        temperature: Divides the cosines. Paper: 0.07.

    Returns:
        ``(B, N)``, in nats; log N where all locations look alike. Computed in float32 at least, under autocast too.

    Raises:
        ValueError: If the shapes differ, or are not three-dimensional: broadcasting would silently compare one
            image's locations with another's.

    Source:
        CUT, arXiv 2007.15651, equations 3 and 4; negatives from the same image only.
    """
    if queries.shape != keys.shape or queries.ndim != 3:
        raise ValueError(f"queries {tuple(queries.shape)} and keys {tuple(keys.shape)} must match, as (B, N, D)")
    with torch.autocast(queries.device.type, enabled=False):
        cosines = torch.bmm(full_precision(queries), full_precision(keys.detach()).transpose(1, 2))
        own = torch.arange(queries.shape[1], device=queries.device).expand(queries.shape[0], -1)
        return F.cross_entropy((cosines / temperature).transpose(1, 2), own, reduction="none")


class PatchNCE(nn.Module):
    """`patch_nce` as a module."""

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        """``(B, N, D)`` twice to ``(B, N)``."""
        return patch_nce(queries, keys, self.temperature)
