"""What every layout answers: which records are there, what is a record's label, what is the label space."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from refine.data.images import has_color, image_size, read_image
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import KINDS, Annotation
from refine.labels import LabelSpace as LabelSpace

CURE = "it may be cut short: replace it"
"""What to do about a JSON file that cannot be read."""


def in_yaml(layout: str, option: str) -> str:
    """Say where an option goes: ``in a YAML file for --layout: `layout: voc`, `classes: [car, truck]```.

    Args:
        layout: The layout's name.
        option: One of its options with a value, as YAML.
    """
    return f"in a YAML file for --layout: `layout: {layout}`, `{option}`"


class Layout(ABC):
    """How one dataset lies on disk. The constructor lists files and reads tables, and opens no image: that a label
    file is whole and fits its image shows when it is read, in `annotation`.

    What is wrong with single files goes to `faults`, so that all of it can be told at once; whoever needs every label
    calls `require_whole`. An image without its label is still a record.

    Raises:
        InputError: From the constructor, if there is no image, or what names all images and labels cannot be read.
    """

    name: str
    """As ``--layout`` takes it."""
    specific: ClassVar[bool] = True
    """Whether the format's own files gave it away: such a layout beats those that fit many trees."""

    root: Path
    label_space: LabelSpace
    faults: list[str]
    """A line each: the file, what is wrong with it, what to do."""
    why: str = ""
    """What gave it away, where `auto` took it."""
    _records: list[Record]

    def __init__(self, root: Path) -> None:
        self.root, self.faults, self._records = root, [], []

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """Why a dataset seems to lie so, in a few words that name files; None if it does not. Opens hardly a file."""
        return None

    def records(self) -> list[Record]:
        """All records, sorted by key."""
        return self._records

    @abstractmethod
    def annotation(self, record: Record) -> Annotation:
        """Everything that is known of one image.

        Raises:
            InputError: If a label file is missing or damaged, does not have its image's size, or holds an id that the
                label space does not know. The message names the file and what to do.
        """

    def label(self, record: Record) -> Tensor:
        """The part of it that training learns, as `Labeled.label` describes it; empty where images are not labeled."""
        annotation = self.annotation(record)
        return KINDS[self.label_space.kind].label(annotation) if self.label_space.is_labeled else torch.empty(0)

    def image(self, record: Record, channels: int) -> Tensor:
        """``(channels, H, W)`` uint8, gray or RGB.

        Raises:
            InputError: If it cannot be decoded to its end, or has more channels than asked for.
        """
        return read_image(record.image, channels)

    def size(self, record: Record) -> tuple[int, int]:
        """Height and width of the image, without decoding it where that can be.

        Raises:
            InputError: If it cannot be read.
        """
        return image_size(record.image)

    def in_color(self, record: Record) -> bool:
        """Whether the image has color, from its header.

        Raises:
            InputError: If it cannot be read.
        """
        return has_color(record.image)

    def require_whole(self) -> None:
        """Raise `InputError` with the first of `faults`, if there are any."""
        if self.faults:
            more = f" (and {len(self.faults) - 1} more: `refine inspect` lists them)" if len(self.faults) > 1 else ""
            raise InputError(self.faults[0] + more)


class Unlabeled(Layout):
    """Images without labels: the real side."""

    label_space = LabelSpace("none")

    def annotation(self, record: Record) -> Annotation:
        """Nothing: there is nothing to know."""
        return Annotation()
