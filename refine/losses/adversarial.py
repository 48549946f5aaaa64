"""Adversarial losses: vanilla, least squares, hinge, Wasserstein, penalties on gradients, and SimGAN's local loss."""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refine.losses.precision import full_precision


def binary_cross_entropy(logits: Tensor, real: bool) -> Tensor:
    """Cross-entropy of patch scores with one answer, in nats.

    Args:
        logits: ``(B, 1, h, w)``, the log odds of being real.
        real: The answer.

    Returns:
        ``()``, the mean over images and patches.

    Source:
        arXiv 1406.2661, equation 1.
    """
    logits = full_precision(logits)
    return F.softplus(-logits if real else logits).mean()


class Vanilla(nn.Module):
    """Both players' sides of the cross-entropy; each returns ``()``.

    Source:
        Goodfellow et al. 2014, arXiv 1406.2661, with the generator's side that does not saturate.
    """

    threshold: float = 0.0
    """Scores above it say real."""

    def generator(self, fake: Tensor) -> Tensor:
        """-log D(fake), which keeps its slope where D is sure (section 3)."""
        return binary_cross_entropy(fake, real=True)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Half of the sum of both sides, as in CycleGAN; the paper has the sum."""
        return 0.5 * (binary_cross_entropy(real, real=True) + binary_cross_entropy(fake, real=False))


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
    """Both players' sides of the least-squares loss; each returns ``()``.

    Source:
        LSGAN, Mao et al. 2017, arXiv 1611.04076, as CycleGAN uses it.
    """

    threshold: float = 0.5
    """Scores above it say real."""

    def generator(self, fake: Tensor) -> Tensor:
        """Distance of the generator's images from real."""
        return least_squares(fake, 1.0)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Half of the sum of both sides, as in CycleGAN."""
        return 0.5 * (least_squares(real, 1.0) + least_squares(fake, 0.0))


class Hinge(nn.Module):
    """Both players' sides of the hinge loss on scores ``(B, 1, h, w)``, unbounded; each returns ``()``.

    Patches that the discriminator puts beyond the margins -1 and 1 teach it nothing more.

    Source:
        Lim and Ye 2017, arXiv 1705.02894; SAGAN, arXiv 1805.08318, equation 4.
    """

    threshold: float = 0.0
    """Scores above it say real."""

    def generator(self, fake: Tensor) -> Tensor:
        """Negative mean score of the generator's images."""
        return -full_precision(fake).mean()

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """How far scores stay inside the margins 1 (real) and -1 (fake).

        Half of the sum of both sides' means, as in CycleGAN; the paper has the sum.
        """
        return 0.5 * ((1 - full_precision(real)).relu().mean() + (1 + full_precision(fake)).relu().mean())


class Wasserstein(nn.Module):
    """Both players' sides of the Wasserstein loss on scores ``(B, 1, h, w)``, unbounded; each returns ``()``.

    Without a bound on the critic's slope (`gradient_penalty`, spectral normalization) its scores grow without end.

    Source:
        Arjovsky et al. 2017, arXiv 1701.07875, algorithm 1.
    """

    threshold: float | None = None
    """Scores have no fixed zero (adding a constant changes nothing): the middle of the two means decides."""

    def generator(self, fake: Tensor) -> Tensor:
        """Negative mean score of the generator's images."""
        return -full_precision(fake).mean()

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Half of mean(fake) - mean(real).

        Half, as the other losses here; the paper has the difference itself. A penalty's weight is halved with it:
        the paper's 10 (WGAN-GP) is 5 here.
        """
        return 0.5 * (full_precision(fake).mean() - full_precision(real).mean())


AdversarialName = Literal["least-squares", "vanilla", "hinge", "wasserstein"]
AdversarialLoss = LeastSquares | Vanilla | Hinge | Wasserstein
"""Each has ``generator(fake)``, ``discriminator(real, fake)`` (both halved sums) and ``threshold``."""


def adversarial_loss(name: AdversarialName) -> AdversarialLoss:
    """The loss of that name.

    Args:
        name: ``least-squares`` (CycleGAN, CUT), ``vanilla``, ``hinge`` or ``wasserstein`` (with a gradient penalty).

    Raises:
        ValueError: If there is no such loss.
    """
    match name:
        case "least-squares":
            return LeastSquares()
        case "vanilla":
            return Vanilla()
        case "hinge":
            return Hinge()
        case "wasserstein":
            return Wasserstein()
    raise ValueError(f"no adversarial loss is named {name}")


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


def gradient_penalty(
    discriminator: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Squared distance of the slope's norm to 1, on the lines between real and fake images.

    Each image gets one random mixing share. The penalty counts slopes on both sides of 1. An image's
    score is the mean of its score map, the same one number that the adversarial losses average.

    Args:
        discriminator: ``(B, C, H, W)`` to scores ``(B, ...)``, each image judged by itself (no batch norm).
        real: ``(B, C, H, W)``.
        fake: The same shape; no gradient flows into it.
        generator: Draws the mixing shares, on the images' device.

    Returns:
        ``()``, the mean over images, in scores per image unit, squared. Paper: weight 10 beside the whole of
        mean(fake) - mean(real), so 5 beside `Wasserstein`, which halves it.

    Raises:
        ValueError: If the shapes differ: broadcasting would silently mix every image with every other.

    Source:
        WGAN-GP, arXiv 1704.00028, equation 3 and algorithm 1.
    """
    if real.shape != fake.shape:
        raise ValueError(f"real {tuple(real.shape)} and fake {tuple(fake.shape)} must match")
    share = torch.rand((real.shape[0], *[1] * (real.ndim - 1)), generator=generator, device=real.device)
    mixed = fake.detach() + share.to(real.dtype) * (real.detach() - fake.detach())
    slopes: Tensor = torch.linalg.vector_norm(_slopes(discriminator, mixed), dim=1)
    return (slopes - 1.0).square().mean()


def r1_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """Half of the squared slope at real images.

    Args:
        discriminator: ``(B, C, H, W)`` to scores ``(B, ...)``, each image judged by itself (no batch norm). An
            image's score is the mean of its score map.
        real: ``(B, C, H, W)``.

    Returns:
        ``()``, the mean over images. The half is in it: the paper's gamma/2 E‖∇D‖² is this times gamma. Paper:
        gamma = 10, beside the sum of both sides of the adversarial loss, so 5 beside the losses here, which halve it.

    Source:
        Mescheder et al. 2018, arXiv 1801.04406, equation 9.
    """
    return 0.5 * _slopes(discriminator, real.detach()).square().sum(dim=1).mean()


def _slopes(discriminator: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """The derivative of each image's score by its pixels, ``(B, C·H·W)``, itself differentiable.

    Outside of autocast: the derivative of a derivative has too few bits in bfloat16, and overflows in float16.
    """
    images = images.clone().requires_grad_()
    with torch.enable_grad(), torch.autocast(images.device.type, enabled=False):
        scores = full_precision(discriminator(images)).reshape(len(images), -1).mean(dim=1)
        (slopes,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return full_precision(slopes).flatten(1)


REAL, REFINED = 0, 1
"""Classes of `LocalAdversarial`'s logits."""


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
    """Both players' sides of SimGAN's loss of patches; each returns one number an image."""

    def refiner(self, refined: Tensor) -> Tensor:
        """Refined images judged as real, ``(B, 2, h, w)`` to ``(B,)``."""
        return local_cross_entropy(refined, REAL)

    def discriminator(self, real: Tensor, refined: Tensor) -> Tensor:
        """One loss for each image of the discriminator, real ones first."""
        return torch.cat([local_cross_entropy(real, REAL), local_cross_entropy(refined, REFINED)])
