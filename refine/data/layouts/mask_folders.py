"""An index mask beside each image: `root/images/any/depth/NAME.jpg` and `root/masks/any/depth/NAME.png`."""

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torchvision.tv_tensors import Mask

from refine.data.images import image_size, list_images, opened
from refine.data.layouts.base import LabelSpace, Layout
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import IGNORE


class MaskFolders(Layout):
    """A class for each pixel: 8-bit PNGs, gray or with a palette, whose pixels are class ids, 255 for none.

    Args:
        root: The dataset's folder, with ``images`` and ``masks`` in it. A mask has its image's path, but for ``.png``.
        classes: Names in the order of the ids. None reads them from ``root/classes.txt``, a name a line. Without
            either there are records, but no labels.

    Raises:
        InputError: If an image has no mask or a mask no image, their sizes differ, or the names stand twice or are
            not those of ``classes.txt``.
    """

    def __init__(self, root: Path, classes: tuple[str, ...] | None = None) -> None:
        self.root = root
        self._names = _names(root, classes)
        self._records: list[Record] = []
        images: dict[Path, Path] = {}
        for image in list_images(root / "images"):
            mask = root / "masks" / image.relative_to(root / "images").with_suffix(".png")
            if mask in images:
                raise InputError(f"{image}: shares its mask {mask} with {images[mask].name}; rename one of the images")
            if not mask.is_file():
                raise InputError(f"{image}: an image without a mask; add {mask}")
            if image_size(image) != image_size(mask):
                (height, width), (mask_height, mask_width) = image_size(image), image_size(mask)
                raise InputError(
                    f"{mask}: {mask_height}x{mask_width} (height x width), but {image} is {height}x{width}; "
                    "a mask needs its image's size"
                )
            images[mask] = image
            self._records.append(Record(image.relative_to(root).as_posix(), image, (mask,)))
        for mask in list_images(root / "masks"):
            if mask not in images:
                raise InputError(f"{mask}: a mask without an image of its name in {root / 'images'}; remove it")
        self._records.sort(key=lambda record: record.key)

    @cached_property
    def label_space(self) -> LabelSpace:  # type: ignore[override]  # known when it is asked for
        """The masks' classes.

        Raises:
            InputError: If nothing names them.
        """
        if self._names is None:
            file = self.root / "classes.txt"
            raise InputError(
                f"{file}: no such file, so the ids have no names; write a name a line, or set classes=[...]"
            )
        return LabelSpace("mask", self._names)

    def records(self) -> list[Record]:
        """All records, sorted by key."""
        return self._records

    def label(self, record: Record) -> Mask:
        """``(H, W)`` int64: class ids, 255 where there is none.

        Raises:
            InputError: If nothing names the classes, the file is no index mask, or an id is outside the classes.
        """
        names = self.label_space.names
        path = record.label_files[0]
        with opened(path) as image:
            if image.mode not in {"L", "P"}:
                raise InputError(
                    f"{path}: mode {image.mode} is no index mask; expected an 8-bit PNG, gray or with a palette, "
                    "whose pixels are class ids"
                )
            ids = torch.from_numpy(np.array(image)).long()  # of a palette image too: its indices, not its colors
        highest, count = int(torch.where(ids == IGNORE, 0, ids).max()), len(names)
        if highest >= count:
            raise InputError(
                f"{path}: id {highest}, but the {count} classes are numbered 0 to {count - 1} "
                f"({', '.join(names)}); name more classes, or set the pixels to {IGNORE}"
            )
        return Mask(ids)


def _names(root: Path, classes: tuple[str, ...] | None) -> tuple[str, ...] | None:
    file = root / "classes.txt"
    stored: tuple[str, ...] | None = None
    if file.is_file():
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{file}: cannot be read as a name a line ({error})") from error
        stored = tuple(line.strip() for line in lines if line.strip())
    if classes is not None and stored is not None and classes != stored:
        raise InputError(f"{file}: names {', '.join(stored)}, not {', '.join(classes)}; a mask's ids have one meaning")
    names = classes if classes is not None else stored
    if names is None:
        return None
    if not 0 < len(names) <= IGNORE or len(set(names)) < len(names):
        raise InputError(f"{file}: expected 1 to {IGNORE} different class names, found {', '.join(names) or 'none'}")
    return names
