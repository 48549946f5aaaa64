"""Weights from local files: read as tensors and nothing else, and never downloaded."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from refine.errors import InputError
from refine.files import cut, open_file
from refine.tensor_file import read_tensors

DAMAGE = (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError, TypeError)
"""Exceptions that torch raises on weights that do not fit a network."""


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
            InputError: If a weight is missing, is one too many, or has another shape, or integers for fractions.
        """
        own = {name: value.is_floating_point() for name, value in network.state_dict().items()}
        for name, value in self.state.items():
            if own.get(name, value.is_floating_point()) != value.is_floating_point():
                raise self.misfit(TypeError(f"{cut(name)} is of {value.dtype}"))
        try:
            network.load_state_dict(self.state, assign=True)
        except DAMAGE as error:
            raise self.misfit(error) from error


def read_weights(path: Path, kind: str, expected: str) -> Weights:
    """A state dict, from torch's format or safetensors, with numbers of half precision as float32.

    Raises:
        InputError: If the file is not there, is damaged, or holds anything but tensors. No code of it has run.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; --weights takes {kind} ({expected})")
    state = read_tensors(path, f"file of {kind}", f". Expected {expected}")
    in_full = {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    with open_file(path) as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Weights(in_full, sha256, path, kind, expected)


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
