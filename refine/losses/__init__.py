"""Losses: pure functions on tensors and thin modules; the adversarial ones together."""

from refine.labels import LabelKind
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
from refine.losses.semantic import (
    Semantic,
    pseudo_labels,
    semantic_classes,
    semantic_masks,
    semantic_targets,
)

__all__ = [
    "AdversarialLoss",
    "AdversarialName",
    "Hinge",
    "LabelKind",
    "LeastSquares",
    "LocalAdversarial",
    "PatchNCE",
    "Reconstruction",
    "SelfRegularization",
    "Semantic",
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
    "pseudo_labels",
    "r1_penalty",
    "reconstruction",
    "self_regularization",
    "semantic_classes",
    "semantic_masks",
    "semantic_targets",
]
