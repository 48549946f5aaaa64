"""The types that travel from a layout to a method."""

from pathlib import Path
from typing import NamedTuple, Protocol, TypedDict

from torch import Tensor

from refine.labels import LabelSpace


class Record(NamedTuple):
    """One image of a dataset on disk, with the files that its label is read from."""

    key: str
    """Path relative to the dataset's root, with forward slashes; of a part of a file, that and the part's name."""
    image: Path
    """The file that holds the image."""
    label_files: tuple[Path, ...] = ()
    """Every file that is this image's label or belongs to it (instances, depth, colored copies of masks). Empty: the
    image has no label, or its name is the label. A file that holds the labels of many images stands with each."""
    member: str = ""
    """Where one file holds many images: which one (an HDF5 dataset, a frame's number, a name in a tar)."""


class Labeled(NamedTuple):
    """One synthetic image with its label; stacks to a batch field by field."""

    image: Tensor
    """``(C, H, W)`` float32 in [-1, 1]; ``(B, C, H, W)`` in a batch. Loaders of `UnpairedImages` give uint8 levels,
    which become floats on the device (see `UnpairedImages.on_after_batch_transfer`)."""
    label: Tensor
    """``()`` int64 class, ``(H, W)`` int64 mask of class ids (255: none), ``(K,)`` float32 named targets, or
    ``(M, 5)`` float32 boxes as `box_rows` gives them; a leading ``B`` in a batch."""
    key: str | list[str]
    """Path relative to the dataset's root; a list of them in a batch."""


class UnpairedBatch(TypedDict):
    """One training step's worth of data from both domains."""

    synthetic: Labeled
    real: Tensor
    """``(B, C, H, W)``, as `Labeled.image`, without labels."""


class TrainingData(Protocol):
    """Labeled synthetic images beside unlabeled real ones; known once the datamodule is set up."""

    @property
    def label_space(self) -> LabelSpace:
        """Label space of the synthetic labels."""

    @property
    def synthetic(self) -> Path:
        """Where they come from, for messages."""

    @property
    def batch_size(self) -> int:
        """Images of each domain in a step, on each process."""

    @property
    def working_size(self) -> tuple[int, int] | None:
        """Height and width that images are resized to; None at native scale."""

    @property
    def training_size(self) -> tuple[int, int]:
        """Height and width of a training image."""

    def require_labels(self) -> None:
        """Raise `InputError` if a label is missing, or there is nothing to learn."""
