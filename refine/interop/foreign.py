"""Generators of pytorch-CycleGAN-and-pix2pix and CUT from their files, of which only names and tensors are read.

Source:
    Names and indices: `models/networks.py` of github.com/junyanz/pytorch-CycleGAN-and-pix2pix and of
    github.com/taesungp/contrastive-unpaired-translation.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from refine.errors import InputError
from refine.files import ARCHIVE, cut
from refine.methods.imported import ImportedGenerator
from refine.networks.generators import MOST_DOWNSAMPLINGS, Architecture, PaddingMode, build_generator
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
BLOCK = re.compile(r"model\.(\d{1,9})\.conv_block\.(\d{1,9})\.weight", re.ASCII)
CONVOLUTIONS: dict[tuple[int, ...], tuple[PaddingMode, bool]] = {
    (1, 5): ("reflect", False),
    (1, 6): ("reflect", True),
    (0, 3): ("zero", False),
    (0, 4): ("zero", True),
}
"""Where a residual block's convolutions stand: padding modules and dropout shift them, and have no weights."""


class ForeignGenerator(NamedTuple):
    """Arguments of `refine.networks.generators.build_generator`."""

    architecture: Architecture
    channels: int
    features: int
    depth: int
    padding: PaddingMode
    norm: Norm
    antialias: bool
    dropout: bool

    def text(self) -> str:
        """One line for a person."""
        size = f"{self.depth} blocks" if self.architecture == "resnet" else f"{self.depth} downsamplings"
        parts = [
            f"{self.architecture} with {size} and {self.features} features",
            "gray" if self.channels == 1 else "RGB",
            "no normalization" if self.norm == "none" else f"{self.norm} normalization",
            *([f"{self.padding} padding"] if self.architecture == "resnet" else []),
            *(["anti-aliased"] if self.antialias else []),
            *(["trained with dropout"] if self.dropout else []),
        ]
        return ", ".join(parts)


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

    Returns:
        Names and tensors, in the file's order; counters of integers stay as they are.

    Raises:
        InputError: If it is not such a file, is damaged, holds anything but named tensors, or a value is not finite.
    """
    if path.is_dir():
        raise InputError(f"{path}: a folder; name the generator's file in it, such as latest_net_G_A.pth")
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a generator's weights, such as latest_net_G_A.pth")
    with path.open("rb") as file:
        start = file.read(4)
    if not start.startswith(BEGINNINGS):
        raise InputError(f"{path}: no file of torch.save (or a damaged one); expected a generator's .pth")
    loaded = read_torch_file(path, "file", ". Expected a network's state_dict() alone")
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


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def infer_generator(
    path: Path,
    weights: Mapping[str, Tensor],
    norm: Norm | None = None,
    dropout: bool | None = None,
    padding: PaddingMode | None = None,
) -> ForeignGenerator:
    """Infer the generator that a state dict is of.

    Reflection and replication leave the same names, and so does dropout in a U-Net: the originals' defaults are
    taken (reflection; dropout, as pix2pix trains), unless a flag says otherwise.

    Raises:
        InputError: If it is another network, or one whose input and output differ in channels.
    """
    if _dimensions(weights, "model.0.weight") == 4 or "net.0.weight" in weights:
        raise InputError(f"{path}: a discriminator (net_D); name the generator's file, such as latest_net_G_A.pth")
    if any(name.startswith("mlp_") for name in weights):
        raise InputError(f"{path}: CUT's feature network (net_F); name the generator's file, latest_net_G.pth")
    if _dimensions(weights, "model.model.0.weight") == 4:
        return _unet(path, weights, norm, True if dropout is None else dropout, padding or "reflect")
    if _dimensions(weights, "model.1.weight") == 4:
        return _resnet(path, weights, norm, dropout, padding)
    raise InputError(
        f"{path}: no generator that is known here: expected the convolution model.1.weight (ResNet) or "
        f"model.model.0.weight (U-Net), found {next(iter(weights))}"
    )


def _resnet(
    path: Path, weights: Mapping[str, Tensor], norm: Norm | None, dropout: bool | None, padding: PaddingMode | None
) -> ForeignGenerator:
    blocks: dict[int, list[int]] = {}
    for name, value in weights.items():
        if (found := BLOCK.fullmatch(name)) and value.dim() == 4:
            blocks.setdefault(int(found[1]), []).append(int(found[2]))
    if not blocks:
        raise InputError(f"{path}: expected residual blocks (model.10.conv_block.1.weight), found none")
    places = tuple(sorted(blocks[min(blocks)]))
    if places not in CONVOLUTIONS:
        raise InputError(
            f"{path}: expected a residual block's convolutions at model.{min(blocks)}.conv_block.1 and .5 (with "
            f"dropout .6, with zero padding .0 and .3 or .4), found {', '.join(f'.{place}' for place in places)}"
        )
    smooth_down, smooth_up = "model.7.filt" in weights, f"model.{max(blocks) + 1}.filt" in weights
    if smooth_down != smooth_up:
        only = "down" if smooth_down else "up"
        raise InputError(f"{path}: anti-aliased on the way {only} alone; such generators are not supported")
    inside, at_blocks = CONVOLUTIONS[places]
    first = weights["model.1.weight"].shape
    last = f"model.{max(blocks) + (10 if smooth_up else 8)}.weight"
    return ForeignGenerator(
        "resnet",
        _channels(path, first[1], weights[last].shape[0] if last in weights else first[1]),
        first[0],
        len(blocks),
        padding or inside,
        norm or _norm(weights, "model.1.bias", "model.2.weight"),
        smooth_down,
        at_blocks if dropout is None else dropout,
    )


def _unet(
    path: Path, weights: Mapping[str, Tensor], norm: Norm | None, dropout: bool, padding: PaddingMode
) -> ForeignGenerator:
    depth, level = 2, "model.model.1.model."
    while depth <= MOST_DOWNSAMPLINGS and any(name.startswith(f"{level}3.model.") for name in weights):
        depth, level = depth + 1, f"{level}3.model."
    if not 5 <= depth <= MOST_DOWNSAMPLINGS:
        raise InputError(f"{path}: expected a U-Net of 5 to {MOST_DOWNSAMPLINGS} downsamplings, found {depth} or more")
    if _dimensions(weights, "model.model.3.weight") != 4:
        raise InputError(f"{path}: expected the U-Net's last convolution model.model.3.weight, found none")
    first = weights["model.model.0.weight"].shape
    return ForeignGenerator(
        "unet",
        _channels(path, first[1], weights["model.model.3.weight"].shape[1]),
        first[0],
        depth,
        padding,
        norm or _norm(weights, "model.model.0.bias", "model.model.1.model.2.weight"),
        False,
        dropout,
    )


def _norm(weights: Mapping[str, Tensor], bias: str, scale: str) -> Norm:
    """Batch normalization has weights; instance normalization has none, but the convolution before it has a bias."""
    if scale in weights:
        return "batch"
    return "instance" if bias in weights else "none"


def _channels(path: Path, entering: int, leaving: int) -> int:
    if entering != leaving:
        raise InputError(
            f"{path}: takes images of {entering} channels and gives {leaving}; refine needs as many out as in, "
            "1 (gray) or 3 (RGB)"
        )
    if entering not in (1, 3):
        raise InputError(f"{path}: takes images of {entering} channels; refine works on 1 (gray) or 3 (RGB)")
    return entering


def _dimensions(weights: Mapping[str, Tensor], name: str) -> int:
    return weights[name].dim() if name in weights else 0
