"""The Wasserstein critic (Arjovsky et al. 2017, arXiv 1701.07875); it needs a bound on its slope beside it."""

from torch import Tensor, nn

from refine.losses.precision import full_precision


def wasserstein_generator(fake: Tensor) -> Tensor:
    """What a generator descends: the negative mean score of its images.

    Args:
        fake: Scores ``(B, 1, h, w)``, unbounded.

    Returns:
        ``()``.

    Source:
        arXiv 1701.07875, algorithm 1.
    """
    return -full_precision(fake).mean()


def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """What a critic descends: half of mean(fake) - mean(real).

    Half, as the other losses here; the paper has the difference itself. A penalty's weight is halved with it:
    the paper's 10 (WGAN-GP) is 5 here.

    Args:
        real: Scores ``(B, 1, h, w)``, unbounded.
        fake: The same of refined images.

    Returns:
        ``()``.

    Source:
        arXiv 1701.07875, algorithm 1.
    """
    return 0.5 * (full_precision(fake).mean() - full_precision(real).mean())


class Wasserstein(nn.Module):
    """Both players' sides of the Wasserstein loss on scores ``(B, 1, h, w)``; each returns ``()``.

    Without a bound on the critic's slope (`refine.losses.gradient_penalty`, spectral normalization) its scores grow
    without end.
    """

    threshold: float | None = None
    """Scores have no fixed zero (adding a constant changes nothing): the middle of the two means decides."""

    def generator(self, fake: Tensor) -> Tensor:
        """`wasserstein_generator`."""
        return wasserstein_generator(fake)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """`wasserstein_critic`."""
        return wasserstein_critic(real, fake)
