"""An image and a mask for it under any names that a pattern says, or in `root/images` and `root/masks`."""

from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import torch
from torchvision.tv_tensors import Mask

from refine.data.label_table import (
    TABLE_FILES,
    LabelTable,
    class_table,
    open_table,
    read_names,
    require_names,
    with_none,
)
from refine.data.layouts.base import LabelSpace, in_yaml
from refine.data.layouts.object_parts import box_around, boxes_of
from refine.data.layouts.paired_masks import (
    IMAGE,
    Encoding,
    Grouped,
    PairedMasks,
    index_pixels,
    read_mask,
    thing_numbers,
)
from refine.data.listing import IMAGE_SUFFIXES, Listing, stem, suffix
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import IGNORE, Annotation, Objects

IMAGES = ("images", "image", "imgs", "img", "rgb")
MASKS = ("labels", "label", "masks", "mask", "annotations", "segmentation", "seg", "gt")
"""Names of folders that, one of each at the top, are known without a pattern."""

STEM = "{stem}"
ANY_SUFFIX = ".*"
"""At a pattern's end: any suffix of images."""


class ImageMasks(PairedMasks):
    """A class for each pixel, in one file beside each image.

    Args:
        root: The dataset's folder.
        images: Where the images are: a path below ``root`` with ``{stem}`` for what differs, slashes included, such as
            ``rgb/{stem}.jpg``; a last ``.*`` stands for any image suffix. None takes a folder of a known name.
        masks: The same for their masks, such as ``seg/{stem}_seg.png``.
        table: What the ids or colors mean: a table that ships with `refine` (``cityscapes``), or a ``.yaml``, ``.csv``
            or ``.txt`` file (see `read_classes`). None takes a file of `TABLE_FILES` in ``root``.
        encoding: ``index`` (8-bit ids, gray or of a palette), ``color`` (colors of the table), ``red`` (ids in the red
            channel), ``deep`` (16-bit ids) or ``instances`` (the number of the thing at each pixel, of 8 or 16 bits, 0
            where there is none: the mask is 1 where a thing is, or each thing is an object).
        classes: Instead of a table: names in the order of the ids. 255 is none. Of instances two, the ground's first,
            for a mask, or the thing's alone for objects, each with its box and its pixels.

    Raises:
        InputError: If a pattern is none or finds no image, or the patterns do not tell images from masks, or there are
            both a table and classes, or instances without one or two classes. Faults are images without a mask, masks
            without an image and two images of a mask.
    """

    name = "image-masks"
    specific = False

    def __init__(
        self,
        root: Path,
        images: str | None = None,
        masks: str | None = None,
        table: str | None = None,
        encoding: Encoding = "index",
        classes: tuple[str, ...] | None = None,
    ) -> None:
        if table is not None and classes is not None:
            raise InputError(f"{root}: a table ({table}) and classes ({', '.join(classes)}); give one of them")
        if encoding == "instances" and len(classes or ()) not in {1, 2}:
            two, one = (in_yaml(self.name, f"classes: {names}") for names in ("[background, nucleus]", "[nucleus]"))
            raise InputError(f"{root}: what instances are is not said; for a mask {two}, for objects {one}")
        self._are_objects = encoding == "instances" and classes is not None and len(classes) == 1
        self.root, self._encoding, self._table, self._classes = root, encoding, table, classes
        files = Listing(root)
        files.require_images()
        if images is None and masks is None:
            images, masks = _known(files) or (None, None)
        if images is None or masks is None:
            raise InputError(
                f"{root}: where images and masks are is not plain; set both images and masks to a pattern, such as "
                "images='rgb/{stem}.jpg' and masks='seg/{stem}_seg.png'"
            )
        image, mask = path_pattern(images), path_pattern(masks)
        grouped: list[Grouped] = []
        for key in files.images:
            of_image, of_mask = image.stem(key), mask.stem(key)
            if of_image is not None and of_mask is not None and image.weight == mask.weight:
                raise InputError(f"{root / key}: fits {images!r} and {masks!r}; write more of their names out")
            if of_mask is not None and (of_image is None or mask.weight > image.weight):
                grouped.append((of_mask, "mask", key))
            elif of_image is not None:
                grouped.append((of_image, IMAGE, key))
        if not any(role == IMAGE for _, role, _ in grouped):
            raise InputError(f"{root}: no image fits the pattern {images!r}; the first file is {files.images[0]}")
        self._pair(grouped, lambda stem: str(root / mask.path(stem)))

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """A folder of images and one of PNG masks at the top, of known names, with the same names of files in both."""
        known = _known(files)
        return f"each image of {known[0]} has a mask of its name in {known[1]}" if known else None

    @cached_property
    def table(self) -> LabelTable:
        """What the masks' ids or colors mean.

        Raises:
            InputError: If nothing says it, or it cannot be read.
        """
        if self._classes is not None:
            return with_none(class_table("classes", [(name, None) for name in self._classes]))
        named = self._table or next((name for name in TABLE_FILES if (self.root / name).is_file()), None)
        if named is None:
            raise InputError(
                f"{self.root}: nothing says what the masks' values mean; write a name a line into "
                f"{self.root / 'classes.txt'}, or give a table {in_yaml(self.name, 'table: cityscapes')}"
            )
        table = open_table(self.root, named)
        return with_none(table) if suffix(named) in {".csv", ".txt"} else table

    @cached_property
    def label_space(self) -> LabelSpace:  # type: ignore[override]  # known when it is asked for
        """The classes of `table`, or of objects."""
        return LabelSpace("objects", self._classes or ()) if self._are_objects else self.table.space()

    def annotation(self, record: Record) -> Annotation:
        """A mask, or objects in the order of their numbers.

        Raises:
            InputError: If a file is damaged, encoded otherwise or not of its image's size, or holds an id or a color of
                none of the classes.
        """
        path = self.sized_file(record, self.mask_role(record)) if self._are_objects else None
        return Annotation(objects=_objects(path)) if path is not None else super().annotation(record)

    def instances_role(self, record: Record) -> str:
        """The mask itself, where it tells instances apart."""
        return "mask" if self._encoding == "instances" else super().instances_role(record)

    def _mask(self, path: Path, record: Record) -> Mask:
        if self._encoding == "instances":
            return Mask((thing_numbers(path) > 0).astype(np.int64))
        return read_mask(path, self._encoding, self.table)

    def _instances(self, path: Path) -> Mask:
        return Mask(thing_numbers(path))


def _objects(path: Path) -> Objects:
    """A thing for each number but 0; numbers may be left out."""
    numbers = thing_numbers(path)
    masks = [numbers == number for number in np.unique(numbers[numbers > 0])]
    stacked = np.stack(masks) if masks else np.zeros((0, *numbers.shape), dtype=bool)
    height, width = numbers.shape
    boxes = boxes_of([box_around(mask) for mask in masks], (height, width))
    return Objects(boxes=boxes, classes=torch.zeros(len(masks), dtype=torch.int64), masks=Mask(stacked))


def _known(files: Listing) -> tuple[str, str] | None:
    """The patterns of the one pair of folders whose names and files tell it."""
    found: dict[str, set[str]] = {}
    for key in files.images:
        top, _, rest = key.partition("/")
        if top in MASKS and not key.lower().endswith(".png"):
            return None
        if rest and top in {*IMAGES, *MASKS}:
            found.setdefault(top, set()).add(stem(rest))
    images, masks = [top for top in found if top in IMAGES], [top for top in found if top in MASKS]
    if len(images) != 1 or len(masks) != 1 or found[images[0]] != found[masks[0]]:
        return None
    return f"{images[0]}/{{stem}}.*", f"{masks[0]}/{{stem}}.png"


class PathPattern(NamedTuple):
    """A path with a part that is left open; it may hold slashes."""

    before: str
    after: str
    any_suffix: bool

    @property
    def weight(self) -> int:
        """How many of its letters are fixed."""
        return len(self.before) + len(self.after)

    def stem(self, key: str) -> str | None:
        """What stands in the open part; None for a path that does not match."""
        if self.any_suffix:
            if suffix(key) not in IMAGE_SUFFIXES:
                return None
            key = stem(key)
        fits = key.startswith(self.before) and key.endswith(self.after) and len(key) > self.weight
        return key[len(self.before) : len(key) - len(self.after)] if fits else None

    def path(self, stem: str) -> str:
        """The path with its open part filled in."""
        return f"{self.before}{stem}{self.after}{ANY_SUFFIX if self.any_suffix else ''}"


def path_pattern(text: str) -> PathPattern:
    """A pattern from its text, such as ``rgb/{stem}.jpg``.

    Raises:
        InputError: If it does not hold ``{stem}`` once, is absolute or leaves the dataset.
    """
    before, found, after = text.partition(STEM)
    if not found or STEM in after or text.startswith("/") or ".." in PurePosixPath(text).parts:
        raise InputError(f"pattern {text!r}: expected a path in the dataset with one {STEM}, such as 'rgb/{STEM}.png'")
    before = before.removeprefix("./")
    return PathPattern(before, after.removesuffix(ANY_SUFFIX), after.endswith(ANY_SUFFIX))


class MaskFolders(PairedMasks):
    """A class for each pixel: 8-bit PNGs, gray or with a palette, whose pixels are class ids, 255 for none.

    Args:
        root: The dataset's folder, with ``images`` and ``masks`` in it. A mask has its image's path, but for ``.png``.
        classes: Names in the order of the ids. None reads them from ``root/classes.txt``, a name a line. Without
            either there are records, but no labels.

    Raises:
        InputError: If there is no image, or the names stand twice or are not those of ``classes.txt``. Faults are
            images without a mask, masks without an image and two images that share a mask.
    """

    name = "mask-folders"
    specific = False

    def __init__(self, root: Path, classes: tuple[str, ...] | None = None) -> None:
        self.root = root
        file = root / "classes.txt"
        stored = read_names(file) if file.is_file() else None
        if classes is not None and stored is not None and classes != stored:
            said = f"names {', '.join(stored)}, not {', '.join(classes)}"
            raise InputError(f"{file}: {said}; a mask's ids have one meaning")
        self._names = stored if classes is None else classes
        if self._names is not None:
            require_names(str(file), self._names)
        # A mask of another suffix is no image's: it must not stand in for the PNG, nor be taken for an image
        masks = [
            (stem(key) if key.endswith(".png") else key, "mask", f"masks/{key}")
            for key in Listing(root / "masks").require_images()
        ]
        images = [(stem(key), IMAGE, f"images/{key}") for key in Listing(root / "images").require_images()]
        self._pair(masks + images, lambda group: str(root / "masks" / f"{group}.png"))

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """`images` and `masks` at the top, with PNG files in the second whose names are those of images."""
        masks = {stem(key) for key in files.images if key.startswith("masks/") and key.lower().endswith(".png")}
        images = (stem(key) for key in files.images if key.startswith("images/"))
        shared = sum(image.replace("images/", "masks/", 1) in masks for image in images)
        return f"{shared} images in images/ with masks of their names in masks/" if shared else None

    @cached_property
    def label_space(self) -> LabelSpace:  # type: ignore[override]  # known when it is asked for
        """The masks' classes.

        Raises:
            InputError: If nothing names them.
        """
        if self._names is None:
            raise InputError(
                f"{self.root / 'classes.txt'}: no such file, so the ids have no names; write a name a line, or name "
                f"them {in_yaml(self.name, 'classes: [road, car]')}"
            )
        return LabelSpace("mask", self._names)

    def annotation(self, record: Record) -> Annotation:
        """``mask``: class ids, 255 where there is none.

        Raises:
            InputError: If nothing names the classes, the file is no index mask or not of its image's size, or an id is
                outside the classes.
        """
        self.label_space  # noqa: B018  # without names there is no label, even of an image without a mask
        return super().annotation(record)

    def _mask(self, path: Path, record: Record) -> Mask:
        names, ids = self.label_space.names, torch.from_numpy(index_pixels(path)).long()
        highest = int(torch.where(ids == IGNORE, 0, ids).max())
        if highest >= len(names):
            raise InputError(
                f"{path}: id {highest}, but the {len(names)} classes are numbered 0 to {len(names) - 1} "
                f"({', '.join(names)}); name more classes, or set the pixels to {IGNORE}"
            )
        return Mask(ids)
