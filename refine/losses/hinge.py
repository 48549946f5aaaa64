"""The hinge loss (Lim & Ye 2017, arXiv 1705.02894), as SAGAN (arXiv 1805.08318) uses it."""

from torch import Tensor, nn


class Hinge(nn.Module):
    """Both players' sides of the hinge loss on scores ``(B, 1, h, w)``; each returns ``()``.

    Patches that the discriminator puts beyond the margins -1 and 1 teach it nothing more.

    Source:
        SAGAN, arXiv 1805.08318, equation 4.
    """

    threshold: float = 0.0
    """Scores above it say real."""

    def generator(self, fake: Tensor) -> Tensor:
        """What a generator descends: the negative mean score of its images."""
        return -fake.float().mean()  # bfloat16 scores would be averaged in bfloat16

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What a discriminator descends: half of the sum of both sides, as in CycleGAN; the paper has the sum."""
        return 0.5 * ((1 - real.float()).relu().mean() + (1 + fake.float()).relu().mean())
