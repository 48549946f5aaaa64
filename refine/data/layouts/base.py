"""What every layout answers: which records are there, what is a record's label, what is the label space."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from refine.data.samples import Record


class LabelSpace(NamedTuple):
    """What a label's numbers mean."""

    kind: str
    """``class`` (an index), ``mask`` (an index for each pixel), ``targets`` (named floats) or ``none`` (unlabeled)."""
    names: tuple[str, ...] = ()
    """Class names by index (for masks as well), or target names by position."""


class Layout(ABC):
    """How one dataset lies on disk. Constructing it checks that the dataset is whole.

    Raises:
        InputError: From the constructor, if the folder is empty, or an image has no label or a label no image.
    """

    root: Path
    label_space: LabelSpace

    @abstractmethod
    def records(self) -> list[Record]:
        """All records, sorted by key."""

    @abstractmethod
    def label(self, record: Record) -> Tensor:
        """The label of one record, as `Labeled.label` describes it."""
