"""SimGAN's local adversarial loss: a two-class cross-entropy for each patch, summed over the patches."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

REAL, REFINED = 0, 1


def local_cross_entropy(logits: Tensor, label: int) -> Tensor:
    """Cross-entropy of every patch with one label, summed over an image's patches.

    Args:
        logits: Discriminator output, ``(B, 2, h, w)``; class 0 is real, 1 is refined.
        label: `REAL` or `REFINED`.

    Returns:
        ``(B,)``, in nats.

    Raises:
        ValueError: If the logits are not two-class maps.

    Source:
        SimGAN, arXiv 1612.07828, section 2.2 (local adversarial loss).
    """
    if logits.ndim != 4 or logits.shape[1] != 2:
        raise ValueError(f"expected logits (B, 2, h, w), found {tuple(logits.shape)}")
    target = torch.full((logits.shape[0], *logits.shape[2:]), label, device=logits.device)
    return F.cross_entropy(logits, target, reduction="none").sum(dim=(1, 2))


class LocalAdversarial(nn.Module):
    """Both players' sides of the local adversarial loss; each returns ``(B,)``."""

    def refiner(self, refined: Tensor) -> Tensor:
        """What the refiner descends: its images judged as real, ``(B, 2, h, w)`` to ``(B,)``."""
        return local_cross_entropy(refined, REAL)

    def discriminator(self, real: Tensor, refined: Tensor) -> Tensor:
        """What the discriminator descends: one loss for each of its images, real ones first."""
        return torch.cat([local_cross_entropy(real, REAL), local_cross_entropy(refined, REFINED)])
