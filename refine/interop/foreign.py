"""Generators of pytorch-CycleGAN-and-pix2pix and CUT, from their files."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from refine.errors import InputError
from refine.interop.foreign_architecture import ForeignGenerator, infer_generator
from refine.interop.foreign_file import read_state_dict
from refine.methods.imported import ImportedGenerator
from refine.networks.generators import Architecture, build_generator
from refine.networks.normalization import Norm
from refine.networks.resnet_generator import PaddingMode

COUNTER = ".num_batches_tracked"
"""Of batch normalization: for training alone, and torch 0.3 had none."""
OLD_STATISTICS = (".running_mean", ".running_var")
"""Instance normalization saved them up to torch 0.3, and nobody used them."""


def import_generator(
    path: Path,
    norm: Norm | None = None,
    dropout: bool | None = None,
    padding: PaddingMode | None = None,
) -> tuple[ImportedGenerator, ForeignGenerator]:
    """A generator that `refine apply` takes, from the file of another project.

    Args:
        path: A state dict such as `latest_net_G_A.pth` (CycleGAN) or `latest_net_G.pth` (pix2pix, CUT).
        norm: Overrules what the file's names say, as the next two.
        dropout: Whether it was trained with dropout.
        padding: Of the residual blocks.

    Returns:
        The generator in eval mode, whose output equals the original's, and what was found out about it.

    Raises:
        InputError: If the file is no such generator, or its names and shapes fit none.
    """
    weights = read_state_dict(path)
    found = infer_generator(path, weights, norm, dropout, padding)
    with torch.device("meta"):  # names and shapes alone: the file's are not trusted yet
        network = build_generator(*found).state_dict()
    expected = {
        _their_name(name, found.architecture): (name, value)
        for name, value in network.items()
        if not name.endswith(COUNTER)
    }
    weights = _used(weights, found.norm)
    _require_fit(path, weights, {name: value for name, (_, value) in expected.items()}, found)
    generator = ImportedGenerator(*found)
    own = generator.network.state_dict()
    for theirs, (ours, _) in expected.items():
        if theirs.endswith(".filt") and not torch.allclose(own[ours], weights[theirs], atol=1e-6):
            raise InputError(f"{path}: {theirs} is another blur than CUT's; such generators are not supported")
        own[ours].copy_(weights[theirs])
    return generator.eval().requires_grad_(False), found


def _their_name(name: str, architecture: Architecture) -> str:
    """`layers.N` is their `model.N`, and inside a residual block `conv_block.N`."""
    name = re.sub(r"^layers\.(\d+)\.layers\.", r"model.\1.conv_block.", name) if architecture == "resnet" else name
    return re.sub(r"\blayers\b", "model", name)


def _used(weights: Mapping[str, Tensor], norm: Norm) -> dict[str, Tensor]:
    unused = (COUNTER,) if norm == "batch" else (COUNTER, *OLD_STATISTICS)
    return {name: value for name, value in weights.items() if not name.endswith(unused)}


def _require_fit(
    path: Path, weights: Mapping[str, Tensor], expected: Mapping[str, Tensor], found: ForeignGenerator
) -> None:
    missing = [name for name in expected if name not in weights]
    unknown = [name for name in weights if name not in expected]
    if missing or unknown:
        wanted = missing[0] if missing else "nothing more"
        raise InputError(
            f"{path}: looks like a generator ({found.text()}), but does not fit: expected {wanted}, "
            f"found {unknown[0] if unknown else 'nothing in its place'}"
        )
    for name, value in expected.items():
        if weights[name].shape != value.shape:
            raise InputError(
                f"{path}: looks like a generator ({found.text()}), but does not fit: expected {name} of "
                f"{tuple(value.shape)}, found {tuple(weights[name].shape)}"
            )
