"""Losses: pure functions on tensors and thin modules; the adversarial ones together."""

from refine.losses.adversarial import (
    AdversarialLoss,
    AdversarialName,
    Hinge,
    LeastSquares,
    LocalAdversarial,
    Vanilla,
    Wasserstein,
    adversarial_loss,
    binary_cross_entropy,
    gradient_penalty,
    least_squares,
    local_cross_entropy,
    patch_accuracy,
    r1_penalty,
)
from refine.losses.detection import detection_loss
from refine.losses.patch_nce import PatchNCE, patch_nce
from refine.losses.reconstruction import Reconstruction, reconstruction
from refine.losses.self_regularization import SelfRegularization, self_regularization

__all__ = [
    "AdversarialLoss",
    "AdversarialName",
    "Hinge",
    "LeastSquares",
    "LocalAdversarial",
    "PatchNCE",
    "Reconstruction",
    "SelfRegularization",
    "Vanilla",
    "Wasserstein",
    "adversarial_loss",
    "binary_cross_entropy",
    "detection_loss",
    "gradient_penalty",
    "least_squares",
    "local_cross_entropy",
    "patch_accuracy",
    "patch_nce",
    "r1_penalty",
    "reconstruction",
    "self_regularization",
]
