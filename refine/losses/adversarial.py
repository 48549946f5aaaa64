"""The adversarial losses by name."""

from typing import Literal

from refine.losses.hinge import Hinge
from refine.losses.least_squares import LeastSquares
from refine.losses.vanilla import Vanilla
from refine.losses.wasserstein import Wasserstein

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
