"""What each row of the benchmark trains on."""

from collections.abc import Mapping
from pathlib import Path

import torch

from refine.benchmark.labeled_images import LabeledImages, common_size, open_folder, read_labeled
from refine.data.images import batches, is_gray, list_images, opened, to_float, to_levels
from refine.data.layouts import ClassFolders
from refine.errors import InputError
from refine.methods.color_transfer import fit_color_transfer

SYNTHETIC, COLOR_TRANSFER, TARGET = "synthetic", "color_transfer", "target_supervised"
READ_BATCH = 64


class Datasets:
    """All folders of a benchmark: checked, then read to one size.

    Args:
        synthetic: Labeled synthetic images.
        refined: Refined ones by the name of their row.
        real: Labeled real images: the test.
        real_train: Labeled real images to train on, or None.
        classes: Names to keep, or None for all.
        size: Height and width, or None for the real images'.

    Raises:
        InputError: If folders disagree on the classes, images have several sizes, or one cannot be read.
    """

    def __init__(
        self,
        synthetic: Path,
        refined: Mapping[str, Path],
        real: Path,
        real_train: Path | None,
        classes: tuple[str, ...] | None,
        size: tuple[int, int] | None,
    ) -> None:
        taken = {SYNTHETIC, COLOR_TRANSFER, TARGET, *(f"{name}+{SYNTHETIC}" for name in refined)}
        reserved = sorted(taken & refined.keys())
        if reserved:
            raise InputError(f"{refined[reserved[0]]}: {reserved[0]!r} is the name of another row; give NAME=DIR")
        if real_train is not None and _overlap(real, real_train):
            raise InputError(f"{real_train}: the test images {real} lie in it, or it in them; train on other ones")
        first = open_folder(synthetic, classes)
        self.classes = first.label_space.names
        others = [*refined.values(), real, *([real_train] if real_train else [])]
        folders = {synthetic: first} | {root: open_folder(root, classes, self.classes) for root in others}
        self.channels = 1 if all(_all_gray(folder) for folder in folders.values()) else 3
        self.size = size or common_size(folders[real])
        data = {root: read_labeled(folder, self.channels, self.size) for root, folder in folders.items()}
        self.synthetic, self.real = data[synthetic], data[real]
        self.refined = {name: data[root] for name, root in refined.items()}
        self.real_train = data[real_train] if real_train else None
        self._roots = synthetic, real_train or real

    def source_rows(self) -> dict[str, LabeledImages]:
        """Training data by row, of the rows that need no real label; the last refined one also with synthetic."""
        rows = {SYNTHETIC: self.synthetic, COLOR_TRANSFER: self._color_transferred(), **self.refined}
        if self.refined:
            name, data = list(self.refined.items())[-1]
            rows[f"{name}+{SYNTHETIC}"] = data.join(self.synthetic)
        return rows

    def _color_transferred(self) -> LabeledImages:
        # Statistics over whole folders: images of classes that are not tested are unlabeled data like the rest.
        synthetic, real = (batches(list_images(root), self.channels, self.size, READ_BATCH) for root in self._roots)
        transfer = fit_color_transfer(synthetic, real, self.channels)
        moved = [to_levels(transfer.refine(to_float(part))) for part in torch.split(self.synthetic.images, READ_BATCH)]
        return self.synthetic._replace(images=torch.cat(moved))


def _all_gray(folder: ClassFolders) -> bool:
    for record in folder.records():
        with opened(record.image) as image:
            if not is_gray(image.mode):
                return False
    return True


def _overlap(one: Path, other: Path) -> bool:
    first, second = one.resolve(), other.resolve()
    return first.is_relative_to(second) or second.is_relative_to(first)
