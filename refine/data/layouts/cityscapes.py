"""Cityscapes, and what is written in its form: `leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png` and its `gtFine`.

Source: https://www.cityscapes-dataset.com and https://github.com/mcordts/cityscapesScripts (README, `labels.py`,
`createTrainIdInstanceImgs.py`); M. Cordts et al., "The Cityscapes Dataset", CVPR 2016.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import torch
from torchvision.tv_tensors import Mask

from refine.data.label_table import load_table
from refine.data.layouts.base import in_yaml
from refine.data.layouts.paired_masks import IMAGE, Grouped, PairedMasks, deep_pixels, index_pixels
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError

_IMAGE = re.compile(r"(?:^|/)leftImg8bit/([^/]+/[^/]+/[^/]+)_leftImg8bit\.(?:png|jpe?g)$")
_LABEL = re.compile(
    r"(?:^|/)([^/]+/[^/]+/)?([^/]+)_((?:gtFine|gtCoarse|gtBbox[^/_]*|disparity|camera|vehicle|timestamp)[_.][^/]*)$"
)
_PER_CLASS = 1000
"""An instance's number is its class's id times this, plus a count. Smaller numbers are ids of unparted classes."""


class Cityscapes(PairedMasks):
    """A class for each pixel and an instance for each thing, in the files' own ids: class id times 1000 plus a count.

    Args:
        root: The folder that holds ``leftImg8bit`` and ``gtFine`` or ``gtCoarse``, or folders that hold them.
        split: ``train``, ``val``, … alone; None takes all. The labels of ``test`` are void in every pixel.
        ids: Which label files are read. ``auto`` takes ``labelIds`` (classes: all that are not void), or, if there is
            none of them, ``labelTrainIds`` (classes: the 19 of the benchmark).
        truth: Whose labels are read. ``auto`` takes an image's fine ones, or else its coarse ones.

    Raises:
        InputError: If there is no such image. Faults are images without a label file of this kind, and such files
            without an image in a split that has images.
    """

    name = "cityscapes"

    def __init__(
        self,
        root: Path,
        split: str | None = None,
        ids: Literal["auto", "labelIds", "labelTrainIds"] = "auto",
        truth: Literal["auto", "gtFine", "gtCoarse"] = "auto",
    ) -> None:
        self.root = root
        files = Listing(root)
        images = [(key, found[1]) for key in files.require_images() if (found := _IMAGE.search(key))]
        if not images:
            raise InputError(f"{root}: no leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png below it; another layout?")
        splits = {name.partition("/")[0] for _, name in images}
        if split is not None and split not in splits:
            raise InputError(f"{root}: no images of split {split!r}; there are {', '.join(sorted(splits))}")
        images = [(key, name) for key, name in images if split is None or name.startswith(f"{split}/")]
        labels = [(key, found) for key in files.keys if (found := _LABEL.search(key))]
        if ids == "auto":
            kinds = {found[3].partition("_")[2] for _, found in labels}
            ids = "labelTrainIds" if "labelTrainIds.png" in kinds and "labelIds.png" not in kinds else "labelIds"
        self._table = load_table("cityscapes" if ids == "labelIds" else "cityscapes19")
        self.label_space = self._table.space()
        truths = ("gtFine", "gtCoarse") if truth == "auto" else (truth,)
        self.mask_roles = tuple(f"{whose}_{ids}.png" for whose in truths)
        self._pair(
            self._grouped(images, labels),
            lambda name: (
                f"{truths[0]}/{name}_{self.mask_roles[0]}, or choose a split that has labels "
                + in_yaml("cityscapes", "split: train")
            ),
        )

    def _grouped(self, images: list[tuple[str, str]], labels: list[tuple[str, re.Match[str]]]) -> Iterator[Grouped]:
        """Labels to images, by SPLIT/CITY/NAME; what only belongs to an image may lie elsewhere (panoptic maps)."""
        yield from ((name, IMAGE, key) for key, name in images)
        names = {name for _, name in images}
        splits = {name.partition("/")[0] for name in names}
        by_last = {name.rpartition("/")[2]: name for name in names}
        for key, found in labels:
            name, role = f"{found[1] or ''}{found[2]}", found[3]
            if name in names or (role in self.mask_roles and name.partition("/")[0] in splits):
                yield name, role, key
            elif role not in self.mask_roles and found[2] in by_last:
                yield by_last[found[2]], role, key

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """Images of its names in its folders; its labels may be elsewhere, or nowhere."""
        found = next((key for key in files.images if _IMAGE.search(key)), None)
        return None if found is None else f"{found} is a name of Cityscapes'"

    def instances_role(self, record: Record) -> str:
        """Whose mask is read, theirs are the instances."""
        return f"{(self.mask_role(record) or '').partition('_')[0]}_instanceIds.png"

    def _mask(self, path: Path, record: Record) -> Mask:
        return Mask(self._table.from_ids(index_pixels(path), path))

    def _instances(self, path: Path) -> Mask:
        numbers = torch.from_numpy(deep_pixels(path))
        return Mask(torch.where(numbers < _PER_CLASS, 0, numbers))
