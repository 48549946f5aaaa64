"""Files of weights that another project saved: names and tensors, and nothing that would run."""

from pathlib import Path

import torch
from torch import Tensor

from refine.errors import InputError
from refine.files import cut
from refine.tensor_file import ARCHIVE, read_torch_file

WRAPPERS = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""
BEGINNINGS = (ARCHIVE, b"\x80")
"""Of a file of torch.save: an archive, or before release 1.6 a pickle."""


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The state dict in a file of `torch.save`, of any release, as float32 on the CPU and without wrappers' prefixes.

    Args:
        path: Such as `latest_net_G_A.pth`.

    Returns:
        Names and tensors, in the file's order; counters of integers stay as they are.

    Raises:
        InputError: If it is no such file, is damaged, holds anything but named tensors, or a value is not finite.
    """
    loaded = _load(path)
    if isinstance(loaded, dict) and isinstance(loaded.get("refine"), dict):
        raise InputError(f"{path}: a checkpoint of refine itself; use it as it is, or `refine export` it")
    if not isinstance(loaded, dict) or not loaded:
        found = "an empty one" if isinstance(loaded, dict) else _kind(loaded)
        raise InputError(f"{path}: expected a state dict (names and tensors), found {found}")
    for name, value in loaded.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise InputError(
                f"{path}: expected a state dict (names and tensors), found {cut(repr(name))}: {_kind(value)}"
            )
    weights: dict[str, Tensor] = dict(loaded)
    for name, value in weights.items():
        _check(path, name, value)
    while prefix := next((wrapper for wrapper in WRAPPERS if all(name.startswith(wrapper) for name in weights)), ""):
        weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    return {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}


def _load(path: Path) -> object:
    if path.is_dir():
        raise InputError(f"{path}: a folder; name the generator's file in it, such as latest_net_G_A.pth")
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a generator's weights, such as latest_net_G_A.pth")
    with path.open("rb") as file:
        start = file.read(4)
    if not start.startswith(BEGINNINGS):
        raise InputError(f"{path}: no file of torch.save (or a damaged one); expected a generator's .pth")
    return read_torch_file(path, "file", ". Expected a network's state_dict() alone")


def _check(path: Path, name: str, value: Tensor) -> None:
    if value.is_complex() or (value.is_floating_point() and not bool(torch.isfinite(value).all())):
        raise InputError(f"{path}: {cut(name)} holds values that are not finite real numbers; the training diverged")


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
