"""Networks that turn images into the vectors that FID and KID compare."""

import hashlib
import io
import pickle
import warnings
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3

from refine.data.images import to_levels
from refine.errors import InputError

INCEPTION_DIMENSIONS = (64, 192, 768, 2048)
STANDARD_SHA256 = "6726825d"
"""How the sha256 of the standard FID weights begins: torch hub puts it into the file's name."""
WEIGHTS_NAME = "weights-inception-2015-12-05-6726825d.pth"


class FeatureExtractor(Protocol):
    """What :func:`refine.metrics.evaluate` asks of a network."""

    @property
    def name(self) -> str:
        """As it stands in ``fid[name]``."""

    @property
    def sha256(self) -> str | None:
        """Of the file that the weights came from, None where there is none."""

    @property
    def resize(self) -> str:
        """What it does to an image's size itself, for the record."""

    def __call__(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1], C = 1 or 3, to ``(B, D)`` float32 without gradient."""


class InceptionFeatures:
    """The Inception network of FID, averaged over places at one depth.

    Args:
        dimension: 64 and 192 (early pooling), 768 (before the last blocks) or 2048 (pool3, the standard).
        weights: File in the format of torch-fidelity; None takes ``weights-inception-2015-12-05-6726825d.pth``
            from torch hub's cache. Never downloads.
        device: Where it runs; images are brought there.

    Raises:
        InputError: If the file is not there, or does not hold exactly these weights.

    Source:
        torch-fidelity's port of the TensorFlow network of Heusel et al. 2017, arXiv 1706.08500.
    """

    resize = "bilinear to 299x299 as TensorFlow 1 did, without antialiasing"

    def __init__(self, dimension: int, weights: Path | None = None, device: torch.device | str = "cpu") -> None:
        if dimension not in INCEPTION_DIMENSIONS:
            raise InputError(f"inception-{dimension}: no such features; choose {_choices()}")
        path = _weights_file(weights)
        self.name = f"inception-{dimension}"
        network, self.sha256 = _load(path, dimension)
        self.device = torch.device(device)
        self.network = network.to(self.device)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1], C = 1 or 3, to ``(B, dimension)`` float32."""
        # Whole levels, rounded: the network was defined on bytes, and truncation would darken by half a level.
        levels = to_levels(images.to(self.device)).expand(-1, 3, -1, -1)
        features: Tensor = self.network(levels)[0]
        return features


class SupportsFeatures(Protocol):
    """A task model, as far as this module is concerned."""

    def features(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1] to ``(B, D)``."""


class TaskFeatures:
    """The features of a fitted task model.

    Args:
        task: The model, in eval mode and on ``device``.
        name: As in ``fid[name]``.
        sha256: Of its checkpoint, if it came from one.
        device: Where it runs; images are brought there.
    """

    resize = "none"

    def __init__(
        self, task: SupportsFeatures, name: str, sha256: str | None = None, device: torch.device | str = "cpu"
    ) -> None:
        self.task, self.name, self.sha256, self.device = task, name, sha256, torch.device(device)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1] to ``(B, D)`` float32.

        Raises:
            InputError: If the model cannot take images of this size or channel count.
        """
        try:
            return self.task.features(images.to(self.device)).float()
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError) as error:
            shape = "x".join(map(str, images.shape[1:]))
            reason = str(error).splitlines()[0]
            raise InputError(
                f"features {self.name!r}: the model cannot take images of {shape} ({reason}); "
                "give the size that it was trained on with --size HxW"
            ) from error


def named_extractor(name: str, weights: Path | None = None, device: torch.device | str = "cpu") -> InceptionFeatures:
    """The extractor that ``--features`` names: ``inception-64``, ``-192``, ``-768`` or ``-2048``.

    Raises:
        InputError: If there is none of that name, or its weights are not there.
    """
    for dimension in INCEPTION_DIMENSIONS:
        if name == f"inception-{dimension}":
            return InceptionFeatures(dimension, weights, device)
    raise InputError(f"{name}: no such features; choose swd, {_choices()} or a task model's checkpoint")


def _choices() -> str:
    return ", ".join(f"inception-{dimension}" for dimension in INCEPTION_DIMENSIONS)


def _weights_file(weights: Path | None) -> Path:
    if weights is not None:
        if not weights.is_file():
            raise InputError(f"{weights}: no such file; --weights takes the FID Inception weights ({WEIGHTS_NAME})")
        return weights
    cached = Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS_NAME
    if not cached.is_file():
        raise InputError(
            f"{cached}: the FID Inception weights are not there; download {URL_INCEPTION_V3} to it, "
            "or name your copy with --weights FILE"
        )
    return cached


def _load(path: Path, dimension: int) -> tuple[Any, str]:
    content = path.read_bytes()  # once, so that the digest is that of the weights that run
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about pickles that are refused right after
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        # torch-fidelity unpickles without a guard whatever it is given: give it bytes that were written here.
        own = io.BytesIO()
        torch.save({str(name): torch.as_tensor(value) for name, value in dict(state).items()}, own)
        own.seek(0)
        network = FeatureExtractorInceptionV3("inception-v3-compat", [str(dimension)], own)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: no file of weights, or one that holds more than tensors and could run code; refused. "
            f"Expected {WEIGHTS_NAME}"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not the FID Inception weights ({reason}); expected {WEIGHTS_NAME}") from error
    return network, hashlib.sha256(content).hexdigest()
