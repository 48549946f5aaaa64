"""The Wasserstein critic (Arjovsky et al. 2017, arXiv 1701.07875); it needs a gradient penalty beside it."""

from torch import Tensor, nn


class Wasserstein(nn.Module):
    """Both players' sides of the Wasserstein loss on scores ``(B, 1, h, w)``; each returns ``()``.

    Without a bound on the critic's slope (`refine.losses.gradient_penalty`) its scores grow without end.

    Source:
        arXiv 1701.07875, algorithm 1.
    """

    threshold: float | None = None
    """Scores have no fixed zero (adding a constant changes nothing): the middle of the two means decides."""

    def generator(self, fake: Tensor) -> Tensor:
        """What a generator descends: the negative mean score of its images."""
        return -fake.float().mean()  # bfloat16 scores would be averaged in bfloat16

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What a critic descends: half of mean(fake) - mean(real).

        Half, as the other losses here; the paper has the difference itself. A penalty's weight is halved with it:
        the paper's 10 (WGAN-GP) is 5 here.
        """
        return 0.5 * (fake.float().mean() - real.float().mean())
