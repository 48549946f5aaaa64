"""Weights from local files: read as tensors and nothing else, and never downloaded."""

import hashlib
import io
import pickle
import warnings
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
import torch
from torch import Tensor, nn

from refine.errors import InputError

DAMAGE = (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError, TypeError)
"""What torch raises on files that are none of weights."""


class Weights(NamedTuple):
    """What a file of weights holds."""

    state: dict[str, Tensor]
    sha256: str
    path: Path
    kind: str
    """Whose weights they are, for errors: ``the FID Inception weights``."""
    expected: str
    """The name that the file usually has."""

    def misfit(self, error: Exception) -> InputError:
        """The one line that says that these are other weights."""
        reason = " ".join(str(error).split())[:200]
        return InputError(f"{self.path}: not {self.kind} ({reason}); expected {self.expected}")

    def load(self, network: nn.Module) -> None:
        """Give them to a network, which may be on the meta device.

        Raises:
            InputError: If a weight is missing, is one too many, or has another shape.
        """
        try:
            network.load_state_dict(self.state, assign=True)
        except DAMAGE as error:
            raise self.misfit(error) from error


def read_weights(path: Path, kind: str, expected: str) -> Weights:
    """A state dict, from torch's format or safetensors.

    Raises:
        InputError: If the file is not there, is damaged, or holds anything but tensors. No code of it has run.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; --weights takes {kind} ({expected})")
    content = path.read_bytes()  # once, so that the digest is that of the weights that run
    found = Weights({}, hashlib.sha256(content).hexdigest(), path, kind, expected)
    try:
        state = _tensors(content, path.suffix == ".safetensors")
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: no file of weights, or one that holds more than tensors and could run code; refused. "
            f"Expected {expected}"
        ) from error
    except (*DAMAGE, safetensors.SafetensorError) as error:
        raise found.misfit(error) from error
    return found._replace(state=state)


def _tensors(content: bytes, safe: bool) -> dict[str, Tensor]:
    if safe:
        return _in_full(safetensors.torch.load(content))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about pickles that are refused right after
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return _in_full({str(name): torch.as_tensor(value) for name, value in dict(state).items()})


def _in_full(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Numbers of half precision as float32: the networks run in it."""
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}


def hub_file(name: str) -> Path:
    """Where torch hub keeps a file of weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def cached_weights(weights: Path | None, name: str, url: str, kind: str) -> Weights:
    """The weights of a named file, or those in torch hub's cache.

    Args:
        weights: What the user named; None takes the cache.
        name: The file's name in the cache.
        url: Where it comes from, for the error.
        kind: Whose weights they are, for the error.

    Raises:
        InputError: As `read_weights`; of an empty cache, with the file and where to get it.
    """
    if weights is None and not hub_file(name).is_file():
        raise InputError(
            f"{hub_file(name)}: {kind} are not there; download {url} to it, or name your copy with --weights FILE"
        )
    return read_weights(weights or hub_file(name), kind, name)
