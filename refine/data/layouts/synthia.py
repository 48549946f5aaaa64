"""SYNTHIA-RAND-CITYSCAPES: `RGB/0000000.png`, `GT/LABELS/0000000.png`, and perhaps `GT/COLOR` and `Depth`.

Source: README.txt of the archive, https://synthia-dataset.net; G. Ros et al., "The SYNTHIA Dataset", CVPR 2016. The
other subsets of SYNTHIA have other folders and classes.
"""

import re
from pathlib import Path

import torch
from torchvision.tv_tensors import Mask

from refine.data.annotation import Annotation
from refine.data.formats.groups import IMAGE, Groups
from refine.data.formats.wide_png import wide_colors
from refine.data.images import require_size
from refine.data.label_table import load_table
from refine.data.layouts.base import Layout
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError

_IMAGE = re.compile(r"(?:^|/)RGB/(\d{7})\.(?:png|jpe?g)$")
_LABEL = re.compile(r"(?:^|/)(GT/LABELS|Depth|GT|parsed_LABELS)/(?:[^/]+/)*(\d{7})(?:_[^/]*)?\.[^/.]+$")
_CLASSES, _DEPTH = "GT/LABELS", "Depth"
_FARTHEST = (1 << 16) - 1
"""What 16 bits of centimeters cannot exceed: the sky and all that is farther than 655 m."""


class Synthia(Layout):
    """A class and an instance for each pixel, and its depth.

    Args:
        root: The folder that holds ``RGB`` and ``GT`` (``RAND_CITYSCAPES``), or one above it.

    Raises:
        InputError: If there is no such image. Faults are images without a label map, and label maps without an image.
    """

    name = "synthia"

    def __init__(self, root: Path) -> None:
        self.root = root
        self._table = load_table("synthia")
        self.label_space = self._table.space()
        self._groups = Groups(root, (_CLASSES,))
        for key in Listing(root).require_images():
            if found := _IMAGE.search(key):
                self._groups.add(found[1], IMAGE, key)
            elif found := _LABEL.search(key):
                self._groups.add(found[2], _role(key, found), key)
        self._records, self.faults = self._groups.records(lambda number: f"GT/LABELS/{number}.png")
        if not self._records:
            raise InputError(f"{root}: no RGB/0000000.png and the like below it; another layout?")

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """A label map with an image of its number, both of seven digits."""
        numbers = {found[1] for key in files.images if (found := _IMAGE.search(key))}
        labels = ((key, found) for key in files.images if (found := _LABEL.search(key)))
        label = next((key for key, found in labels if found[2] in numbers and _role(key, found) == _CLASSES), None)
        return None if label is None else f"{label} belongs to an image of its number in RGB/"

    def records(self) -> list[Record]:
        """All records, sorted by key."""
        return self._records

    def annotation(self, record: Record) -> Annotation:
        """``mask``, ``instances`` and, if there is the file of it, ``depth``.

        Raises:
            InputError: If a file is damaged, not of its image's size or not of 16 bits, or an id is none of SYNTHIA's.
        """
        path, depth = self._groups.file(record, _CLASSES), self._groups.file(record, _DEPTH)
        mask, instances = (None, None) if path is None else self._classes(path, record.image)
        return Annotation(mask=mask, instances=instances, depth=None if depth is None else _meters(depth, record.image))

    def _classes(self, path: Path, image: Path) -> tuple[Mask, Mask]:
        require_size(path, image)
        channels = wide_colors(path)
        instances = torch.from_numpy(channels[:, :, 1].astype("int64"))
        return Mask(self._table.from_ids(channels[:, :, 0], path)), Mask(instances)


def _meters(path: Path, image: Path) -> Mask:
    require_size(path, image)
    centimeters = torch.from_numpy(wide_colors(path)[:, :, 0].astype("int64"))  # every channel holds the same
    return Mask(torch.where(centimeters == _FARTHEST, torch.inf, centimeters / 100))


def _role(key: str, found: re.Match[str]) -> str:
    """Its folder, if the file has the name that the archive gives it; else only that it belongs to the image."""
    return found[1] if key.endswith(f"/{found[2]}.png") else "other"
