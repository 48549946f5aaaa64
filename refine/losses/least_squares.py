"""LSGAN (Mao et al. 2017, arXiv 1611.04076), as CycleGAN uses it."""

import torch
from torch import Tensor, nn

from refine.losses.precision import full_precision


def least_squares(scores: Tensor, target: float) -> Tensor:
    """Mean squared distance of patch scores to a target.

    Args:
        scores: ``(B, 1, h, w)``, unbounded.
        target: 1 for real, 0 for fake.

    Returns:
        ``()``, the mean over images and patches.
    """
    return (full_precision(scores) - target).square().mean()


class LeastSquares(nn.Module):
    """Both players' sides of the least-squares loss; each returns ``()``."""

    threshold: float = 0.5
    """Scores above it say real."""

    def generator(self, fake: Tensor) -> Tensor:
        """What a generator descends: its images scored as real."""
        return least_squares(fake, 1.0)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What a discriminator descends: half of the sum of both sides, as in CycleGAN."""
        return 0.5 * (least_squares(real, 1.0) + least_squares(fake, 0.0))


@torch.no_grad()
def patch_accuracy(real: Tensor, fake: Tensor, threshold: float | None = 0.5) -> tuple[Tensor, Tensor]:
    """Share of patches on the right side of the loss's threshold.

    Args:
        real: Scores of real images, any shape.
        fake: Scores of fake images, any shape.
        threshold: The ``threshold`` of the adversarial loss. None: halfway between the mean scores of the two,
            for a critic whose scores have no fixed zero.

    Returns:
        ``()`` for real scores, ``()`` for fake ones.
    """
    real, fake = full_precision(real), full_precision(fake)
    boundary = (real.mean() + fake.mean()) / 2 if threshold is None else threshold
    return (real > boundary).float().mean(), (fake <= boundary).float().mean()
