"""The hinge loss (Lim & Ye 2017, arXiv 1705.02894), as SAGAN (arXiv 1805.08318) uses it."""

from torch import Tensor, nn

from refine.losses.precision import full_precision


def hinge_generator(fake: Tensor) -> Tensor:
    """What a generator descends: the negative mean score of its images.

    Args:
        fake: Scores ``(B, 1, h, w)``, unbounded.

    Returns:
        ``()``.

    Source:
        SAGAN, arXiv 1805.08318, equation 4.
    """
    return -full_precision(fake).mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """What a discriminator descends: how far scores stay inside the margins 1 (real) and -1 (fake).

    Args:
        real: Scores ``(B, 1, h, w)``, unbounded.
        fake: The same of refined images.

    Returns:
        ``()``: half of the sum of both sides' means, as in CycleGAN; the paper has the sum.

    Source:
        SAGAN, arXiv 1805.08318, equation 4.
    """
    return 0.5 * ((1 - full_precision(real)).relu().mean() + (1 + full_precision(fake)).relu().mean())


class Hinge(nn.Module):
    """Both players' sides of the hinge loss on scores ``(B, 1, h, w)``; each returns ``()``.

    Patches that the discriminator puts beyond the margins -1 and 1 teach it nothing more.
    """

    threshold: float = 0.0
    """Scores above it say real."""

    def generator(self, fake: Tensor) -> Tensor:
        """`hinge_generator`."""
        return hinge_generator(fake)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """`hinge_discriminator`."""
        return hinge_discriminator(real, fake)
