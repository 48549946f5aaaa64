"""Generators of pytorch-CycleGAN-and-pix2pix and CUT from their files, of which only names and tensors are read."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from refine.errors import InputError
from refine.files import ARCHIVE, cut
from refine.interop.foreign_architecture import ForeignGenerator, infer_generator
from refine.methods.imported import ImportedGenerator
from refine.networks.generators import Architecture, PaddingMode, build_generator
from refine.networks.layers import Norm
from refine.tensor_file import read_torch_file

COUNTER = ".num_batches_tracked"
"""Of batch normalization: for training alone, and torch 0.3 had none."""
OLD_STATISTICS = (".running_mean", ".running_var")
"""Instance normalization saved them up to torch 0.3, and nobody used them."""
WRAPPERS = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""
BEGINNINGS = (ARCHIVE, b"\x80")
"""Of a file of torch.save: an archive, or before release 1.6 a pickle."""


def import_generator(
    path: Path, norm: Norm | None = None, dropout: bool | None = None, padding: PaddingMode | None = None
) -> tuple[ImportedGenerator, ForeignGenerator]:
    """Read a generator that `refine apply` takes from the file of another project.

    Args:
        path: A state dict such as `latest_net_G_A.pth` (CycleGAN) or `latest_net_G.pth` (pix2pix, CUT).
        norm: Overrules what the file's names say, as the next two.
        dropout: Whether it was trained with dropout.
        padding: Of the residual blocks.

    Returns:
        The generator in eval mode, whose output equals the original's, and what was found out about it.

    Raises:
        InputError: If the file is not such a generator, or its names and shapes fit none.
    """
    weights = read_state_dict(path)
    found = infer_generator(path, weights, norm, dropout, padding)
    unused = (COUNTER,) if found.norm == "batch" else (COUNTER, *OLD_STATISTICS)
    weights = {name: value for name, value in weights.items() if not name.endswith(unused)}
    with torch.device("meta"):  # names and shapes alone: the file's are not trusted yet
        network = build_generator(*found).state_dict()
    ours = {_their_name(name, found.architecture): name for name in network if not name.endswith(COUNTER)}
    _require_fit(path, weights, {theirs: network[name] for theirs, name in ours.items()}, found)
    generator = ImportedGenerator(**found._asdict())
    own = generator.network.state_dict()
    for theirs, name in ours.items():
        if theirs.endswith(".filt") and not torch.allclose(own[name], weights[theirs], atol=1e-6):
            raise InputError(f"{path}: {theirs} is another blur than CUT's; such generators are not supported")
        own[name].copy_(weights[theirs])
    return generator.eval().requires_grad_(False), found


def _their_name(name: str, architecture: Architecture) -> str:
    """`layers.N` is their `model.N`, and inside a residual block `conv_block.N`."""
    name = re.sub(r"^layers\.(\d+)\.layers\.", r"model.\1.conv_block.", name) if architecture == "resnet" else name
    return re.sub(r"\blayers\b", "model", name)


def _require_fit(
    path: Path, weights: Mapping[str, Tensor], expected: Mapping[str, Tensor], found: ForeignGenerator
) -> None:
    looks = f"{path}: looks like a generator ({found.text()}), but does not fit"
    missing = next((name for name in expected if name not in weights), None)
    unknown = next((name for name in weights if name not in expected), None)
    if missing or unknown:
        raise InputError(f"{looks}: expected {missing or 'nothing more'}, found {unknown or 'nothing in its place'}")
    for name, value in expected.items():
        if weights[name].shape != value.shape:
            raise InputError(f"{looks}: expected {name} of {tuple(value.shape)}, found {tuple(weights[name].shape)}")


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a file of `torch.save`, of any release, as float32 on the CPU and without wrappers' prefixes.

    Args:
        path: Such as `latest_net_G_A.pth`.

    Returns:
        Names and tensors, in the file's order; counters of integers stay as they are.

    Raises:
        InputError: If it is not such a file, is damaged, holds anything but named tensors, or a value is not finite.
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
        if value.is_complex() or (value.is_floating_point() and not bool(torch.isfinite(value).all())):
            raise InputError(
                f"{path}: {cut(name)} holds values that are not finite real numbers; the training diverged"
            )
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


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
