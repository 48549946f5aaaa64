"""What every network offers that turns images into the vectors which distances compare, and what all of them need.

That is one of two ways to bring images to the network's size, and weights from a local file: read as tensors and
nothing else, and never downloaded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeGuard, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from refine.devices import without_tf32
from refine.errors import InputError
from refine.files import cut, file_sha256
from refine.networks.layers import with_channels
from refine.networks.torchvision_resnet import MEAN, STANDARD_DEVIATION
from refine.tensor_file import read_tensors

Resize = Literal["tf1", "clean"]
"""How images are brought to a network's size. It moves FID by more than many methods do. ``tf1``: as the original FID;
``clean``: as clean-fid."""

DAMAGE = (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError, TypeError)
"""Exceptions that torch raises on weights that do not fit a network."""


class FeatureExtractor(Protocol):
    """What `refine.evaluate` asks of a network."""

    @property
    def name(self) -> str:
        """As it stands in ``fid[name]``; says so where its resize is not the customary one."""

    @property
    def sha256(self) -> str | None:
        """Of the file that the weights came from, None where there is none."""

    @property
    def resize(self) -> str:
        """What it does to an image's size itself, for the record."""

    @property
    def input_range(self) -> str:
        """What its first layer sees, for the record."""

    def __call__(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1], C = 1 or 3, to ``(B, D)`` float32 without gradient."""


@runtime_checkable
class ResizingExtractor(Protocol):
    """A network that brings images to its own size: images of several sizes come to it as they are."""

    def prepare(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1], of any size, to what `embed` takes, ``(B, 3, S, S)`` with one S for all."""

    def embed(self, prepared: Tensor) -> Tensor:
        """What `prepare` gave, of any images together, to ``(B, D)`` float32 without gradient."""


class SquareNetwork:
    """A network that brings images to its own height and width: a `ResizingExtractor` but for `_vectors`."""

    side: int
    convention: Resize = "clean"
    device: torch.device
    normalization = MEAN, STANDARD_DEVIATION
    input_range = "0 to 1 with ImageNet's mean and deviation taken out"

    def __call__(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1], C = 1 or 3, to ``(B, D)`` float32 without gradient."""
        return self.embed(self.prepare(images))

    def prepare(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1] to levels ``(B, 3, side, side)``."""
        return resized(images.to(self.device), self.side, self.convention)

    @torch.no_grad()
    @without_tf32()
    def embed(self, prepared: Tensor) -> Tensor:
        """Return features ``(B, D)`` float32 of images that `prepare` returned."""
        return self._vectors(standardized(prepared, *self.normalization))

    def _vectors(self, pixels: Tensor) -> Tensor:
        raise NotImplementedError


def resizes(extractor: FeatureExtractor) -> TypeGuard[ResizingExtractor]:
    """Return whether a network brings images to its own size."""
    return extractor.resize != "none" and isinstance(extractor, ResizingExtractor)


@runtime_checkable
class LayeredExtractor(Protocol):
    """A network that also tells what it sees at several depths."""

    def layers(self, images: Tensor) -> dict[str, Tensor]:
        """``(B, C, H, W)`` in [-1, 1] to ``(B, D)`` float32 without gradient, by the name of each layer, early first.

        The names are those of metrics, such as ``vgg16-relu1_2``.
        """


def layers_of(extractor: FeatureExtractor, images: Tensor) -> dict[str, Tensor]:
    """The features at each depth that the extractor offers, or its only ones under its own name."""
    if isinstance(extractor, LayeredExtractor):
        return extractor.layers(images)
    return {extractor.name: extractor(images)}


def described(resize: Resize, side: int) -> str:
    """The same in words, for the record."""
    if resize == "tf1":
        return f"bilinear to {side}x{side} as TensorFlow 1 did, without antialiasing"
    return f"bicubic to {side}x{side}, antialiased, on floats, as Pillow does it (clean-fid)"


def resized(images: Tensor, side: int, resize: Resize) -> Tensor:
    """Images as levels of a square network.

    Args:
        images: ``(B, 1 or 3, H, W)`` in [-1, 1]. Rounded to whole levels first: the networks were defined on bytes,
            and truncation would darken by half a level.
        side: Height and width afterwards.
        resize: ``tf1`` or ``clean``.

    Returns:
        ``(B, 3, side, side)`` float32 in [0, 255], not rounded again.

    Source:
        ``tf1``: torch-fidelity's port of what the network of Heusel et al. 2017, arXiv 1706.08500, was fed with.
        ``clean``: Parmar et al. 2022, arXiv 2104.11222, section 3: bicubic with the filter widened by the scale, on
        floats, clipped to [0, 255]. There it is Pillow, channel by channel in mode F; torch's antialiased bicubic
        has the same filter, differs by less than a hundredth of a level, and runs where the images are.
    """
    levels = with_channels(((images.float() + 1.0) * 127.5).round().clamp(0, 255), 3)
    if resize == "tf1":
        small: Tensor = interpolate_bilinear_2d_like_tensorflow1x(levels, size=(side, side), align_corners=False)
        return small
    return F.interpolate(levels, size=(side, side), mode="bicubic", antialias=True, align_corners=False).clamp(0, 255)


def standardized(levels: Tensor, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Tensor:
    """``(B, 3, H, W)`` levels 0 … 255 as [0, 1] with a mean and a deviation for each channel taken out."""
    center, scale = (torch.tensor(values, device=levels.device)[:, None, None] for values in (mean, deviation))
    return (levels / 255 - center) / scale


def short_reason(error: Exception) -> str:
    """Return what an exception of others says, on one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]


@contextmanager
def sized_for(model: str, images: Tensor) -> Iterator[None]:
    """Name the size of images ``(B, C, H, W)`` in the error of a task model that cannot take them.

    Raises:
        InputError: In place of the model's own errors, but for those of memory.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError) as error:
        shape = "x".join(map(str, images.shape[1:]))
        raise InputError(
            f"{model} cannot take images of {shape} ({str(error).splitlines()[0]}); give the size that it was trained "
            "on with --size HxW"
        ) from error


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
        return InputError(f"{self.path}: not {self.kind} ({short_reason(error)}); expected {self.expected}")

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
    return Weights(in_full, file_sha256(path), path, kind, expected)


def hub_file(name: str) -> Path:
    """Where torch hub keeps a file of weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def cached_weights(weights: Path | None, name: str, url: str, kind: str) -> Weights:
    """The weights in a file that the user named, or in the one called ``name`` in torch hub's cache.

    Raises:
        InputError: As `read_weights`; of an empty cache, with the file and where to get it.
    """
    if weights is None and not hub_file(name).is_file():
        raise InputError(
            f"{hub_file(name)}: {kind} are not there; download {url} to it, or name your copy with --weights FILE"
        )
    return read_weights(weights or hub_file(name), kind, name)
