"""The first GAN loss (Goodfellow et al. 2014, arXiv 1406.2661), with the generator side that does not saturate."""

import torch.nn.functional as F
from torch import Tensor, nn

from refine.losses.precision import full_precision


def binary_cross_entropy(logits: Tensor, real: bool) -> Tensor:
    """Cross-entropy of patch scores with one answer.

    Args:
        logits: ``(B, 1, h, w)``, the log odds of being real.
        real: The answer.

    Returns:
        ``()``, in nats, the mean over images and patches.

    Source:
        arXiv 1406.2661, equation 1.
    """
    logits = full_precision(logits)
    return F.softplus(-logits if real else logits).mean()


class Vanilla(nn.Module):
    """Both players' sides of the cross-entropy; each returns ``()``."""

    threshold: float = 0.0
    """Scores above it say real."""

    def generator(self, fake: Tensor) -> Tensor:
        """What a generator descends: -log D(fake), which keeps its slope where D is sure (section 3)."""
        return binary_cross_entropy(fake, real=True)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What a discriminator descends: half of the sum of both sides, as in CycleGAN; the paper has the sum."""
        return 0.5 * (binary_cross_entropy(real, real=True) + binary_cross_entropy(fake, real=False))
