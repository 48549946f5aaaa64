"""Penalties on the slope of a discriminator at its images, in full precision also where the run has autocast."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from refine.losses.precision import full_precision


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


class GradientPenalty(nn.Module):
    """`gradient_penalty` as a module."""

    def forward(
        self, discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, generator: torch.Generator
    ) -> Tensor:
        """A discriminator and ``(B, C, H, W)`` twice to ``()``."""
        return gradient_penalty(discriminator, real, fake, generator)


class R1Penalty(nn.Module):
    """`r1_penalty` as a module."""

    def forward(self, discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
        """A discriminator and ``(B, C, H, W)`` to ``()``."""
        return r1_penalty(discriminator, real)


def _slopes(discriminator: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """The derivative of each image's score by its pixels, ``(B, C·H·W)``, itself differentiable.

    Outside of autocast: the derivative of a derivative has too few bits in bfloat16, and overflows in float16.
    """
    images = images.clone().requires_grad_()
    with torch.enable_grad(), torch.autocast(images.device.type, enabled=False):
        scores = full_precision(discriminator(images)).reshape(len(images), -1).mean(dim=1)
        (slopes,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return full_precision(slopes).flatten(1)
