"""Which generator a state dict of pytorch-CycleGAN-and-pix2pix or CUT belongs to, from its names and shapes.

Source:
    Names and indices: `models/networks.py` of github.com/junyanz/pytorch-CycleGAN-and-pix2pix and of
    github.com/taesungp/contrastive-unpaired-translation.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from refine.errors import InputError
from refine.networks.generators import MOST_DOWNSAMPLINGS, Architecture, PaddingMode
from refine.networks.layers import Norm

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

    Args:
        path: For messages.
        weights: From `read_state_dict`.
        norm: Overrules what the names say.
        dropout: The same.
        padding: The same.

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
