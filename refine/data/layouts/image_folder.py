"""Any tree of images, without labels: the real side."""

from pathlib import Path

import torch
from torch import Tensor

from refine.data.images import list_images
from refine.data.layouts.base import LabelSpace, Layout
from refine.data.samples import Record


class ImageFolder(Layout):
    """Every image file below ``root``; the label of each is an empty tensor."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.label_space = LabelSpace("none")
        self._records = [Record(path.relative_to(root).as_posix(), path) for path in list_images(root)]

    def records(self) -> list[Record]:
        """All records, sorted by key."""
        return self._records

    def label(self, record: Record) -> Tensor:
        """An empty tensor: there is nothing to know."""
        return torch.empty(0)
