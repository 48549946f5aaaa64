"""What every network offers that turns images into the vectors which distances compare."""

from typing import Protocol, TypeGuard, runtime_checkable

from torch import Tensor


class FeatureExtractor(Protocol):
    """What :func:`refine.metrics.evaluate` asks of a network."""

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
