"""SYNTHIA-RAND-CITYSCAPES: `RGB/0000000.png`, `GT/LABELS/0000000.png`, and perhaps `GT/COLOR` and `Depth`.

Source: README.txt of the archive, https://synthia-dataset.net; G. Ros et al., "The SYNTHIA Dataset", CVPR 2016. The
other subsets of SYNTHIA have other folders and classes.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torchvision.tv_tensors import Mask

from refine.data.label_table import load_table
from refine.data.layouts.paired_masks import IMAGE, Grouped, PairedMasks, deep_colors, meters_of
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import Annotation

_IMAGE = re.compile(r"(?:^|/)RGB/(\d{7})\.(?:png|jpe?g)$")
_LABEL = re.compile(r"(?:^|/)(GT/LABELS|Depth|GT|parsed_LABELS)/(?:[^/]+/)*(\d{7})(?:_[^/]*)?\.[^/.]+$")
_CLASSES, _DEPTH = "GT/LABELS", "Depth"


class Synthia(PairedMasks):
    """A class and an instance for each pixel, and its depth.

    Args:
        root: The folder that holds ``RGB`` and ``GT`` (``RAND_CITYSCAPES``), or one above it.

    Raises:
        InputError: If there is no such image. Faults are images without a label map, and label maps without an image.
    """

    name = "synthia"
    mask_roles = (_CLASSES,)

    def __init__(self, root: Path) -> None:
        self.root = root
        self._table = load_table("synthia")
        self.label_space = self._table.space()
        self._pair(_grouped(Listing(root).require_images()), lambda number: f"GT/LABELS/{number}.png")
        if not self._records:
            raise InputError(f"{root}: no RGB/0000000.png and the like below it; another layout?")

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """A label map with an image of its number, both of seven digits."""
        found = list(_grouped(files.images))
        numbers = {number for number, role, _ in found if role == IMAGE}
        label = next((key for number, role, key in found if number in numbers and role == _CLASSES), None)
        return None if label is None else f"{label} belongs to an image of its number in RGB/"

    def annotation(self, record: Record) -> Annotation:
        """``mask``, ``instances`` and, if there is the file of it, ``depth``.

        Raises:
            InputError: If a file is damaged, not of its image's size or not of 16 bits, or an id is none of SYNTHIA's.
        """
        path, depth = self.sized_file(record, _CLASSES), self.sized_file(record, _DEPTH)
        meters = None if depth is None else meters_of(deep_colors(depth)[:, :, 0])  # every channel holds the same
        if path is None:
            return Annotation(depth=meters)
        channels = deep_colors(path)
        mask = Mask(self._table.from_ids(channels[:, :, 0], path))
        return Annotation(mask=mask, instances=Mask(torch.from_numpy(channels[:, :, 1].astype("int64"))), depth=meters)


def _grouped(keys: Iterable[str]) -> Iterator[Grouped]:
    for key in keys:
        if found := _IMAGE.search(key):
            yield found[1], IMAGE, key
        elif found := _LABEL.search(key):
            # By its folder, if the file has the name that the archive gives it; else it only belongs to the image
            yield found[2], found[1] if key.endswith(f"/{found[2]}.png") else "other", key
