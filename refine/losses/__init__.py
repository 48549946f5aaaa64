"""One loss a file: a pure function on tensors and its thin module."""

from refine.labels import LabelKind
from refine.losses.adversarial import AdversarialLoss, AdversarialName, adversarial_loss
from refine.losses.detection import detection_loss
from refine.losses.gradient_penalty import GradientPenalty, R1Penalty, gradient_penalty, r1_penalty
from refine.losses.hinge import Hinge, hinge_discriminator, hinge_generator
from refine.losses.least_squares import LeastSquares, least_squares, patch_accuracy
from refine.losses.local_adversarial import LocalAdversarial, local_cross_entropy
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
from refine.losses.vanilla import Vanilla, binary_cross_entropy
from refine.losses.wasserstein import Wasserstein, wasserstein_critic, wasserstein_generator

__all__ = [
    "AdversarialLoss",
    "AdversarialName",
    "GradientPenalty",
    "Hinge",
    "LabelKind",
    "LeastSquares",
    "LocalAdversarial",
    "PatchNCE",
    "R1Penalty",
    "Reconstruction",
    "SelfRegularization",
    "Semantic",
    "Vanilla",
    "Wasserstein",
    "adversarial_loss",
    "binary_cross_entropy",
    "detection_loss",
    "gradient_penalty",
    "hinge_discriminator",
    "hinge_generator",
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
    "wasserstein_critic",
    "wasserstein_generator",
]
