"""One loss a file: a pure function on tensors and its thin module."""

from refine.losses.least_squares import LeastSquares, least_squares
from refine.losses.local_adversarial import LocalAdversarial, local_cross_entropy
from refine.losses.reconstruction import Reconstruction, reconstruction
from refine.losses.self_regularization import SelfRegularization, self_regularization

__all__ = [
    "LeastSquares",
    "LocalAdversarial",
    "Reconstruction",
    "SelfRegularization",
    "least_squares",
    "local_cross_entropy",
    "reconstruction",
    "self_regularization",
]
