"""An image and a mask for it under any names that a pattern says, and any table of classes."""

from functools import cached_property
from pathlib import Path

from refine.data.annotation import Annotation
from refine.data.formats.class_lists import FILES, named_table, open_table, with_none
from refine.data.formats.groups import IMAGE, Groups
from refine.data.formats.hints import in_yaml
from refine.data.formats.mask_files import Encoding, read_mask
from refine.data.formats.path_patterns import path_pattern
from refine.data.images import require_size
from refine.data.label_table import LabelTable
from refine.data.layouts.base import LabelSpace, Layout
from refine.data.listing import Listing, stem
from refine.data.samples import Record
from refine.errors import InputError

IMAGES = ("images", "image", "imgs", "img", "rgb")
MASKS = ("labels", "label", "masks", "mask", "annotations", "segmentation", "seg", "gt")
"""Names of folders that, one of each at the top, are known without a pattern."""


class ImageMasks(Layout):
    """A class for each pixel, in one file beside each image.

    Args:
        root: The dataset's folder.
        images: Where the images are: a path below ``root`` with ``{stem}`` for what differs, slashes included, such as
            ``rgb/{stem}.jpg``; a last ``.*`` stands for any image suffix. None takes a folder of a known name.
        masks: The same for their masks, such as ``seg/{stem}_seg.png``.
        table: What the ids or colors mean: a table that ships with `refine` (``cityscapes``), or a ``.yaml``, ``.csv``
            or ``.txt`` file (see `class_lists.read_classes`). None takes a file of `class_lists.FILES` in ``root``.
        encoding: ``index`` (8-bit ids, gray or of a palette), ``color`` (colors of the table), ``red`` (ids in the red
            channel) or ``deep`` (16-bit ids).
        classes: Instead of a table: names in the order of the ids. 255 is none.

    Raises:
        InputError: If a pattern is none or finds no image, or the patterns do not tell images from masks, or there are
            both a table and classes. Faults are images without a mask, masks without an image and two images of a mask.
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
        self._groups = Groups(root, ("mask",))
        found = 0
        for key in files.images:
            of_image, of_mask = image.stem(key), mask.stem(key)
            if of_image is not None and of_mask is not None and image.weight == mask.weight:
                raise InputError(f"{root / key}: fits {images!r} and {masks!r}; write more of their names out")
            if of_mask is not None and (of_image is None or mask.weight > image.weight):
                self._groups.add(of_mask, "mask", key)
            elif of_image is not None:
                self._groups.add(of_image, IMAGE, key)
                found += 1
        if not found:
            raise InputError(f"{root}: no image fits the pattern {images!r}; the first file is {files.images[0]}")
        self._records, self.faults = self._groups.records(lambda stem: str(root / mask.path(stem)))

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
        named = self._table or next((name for name in FILES if (self.root / name).is_file()), None)
        if self._classes is not None:
            table, listed = named_table("classes", self._classes), True
        elif named is not None:
            table, listed = open_table(self.root, named), Path(named).suffix.lower() in {".csv", ".txt"}
        else:
            raise InputError(
                f"{self.root}: nothing says what the masks' values mean; write a name a line into "
                f"{self.root / 'classes.txt'}, or give a table {in_yaml(self.name, 'table: cityscapes')}"
            )
        return with_none(table) if listed else table

    @cached_property
    def label_space(self) -> LabelSpace:  # type: ignore[override]  # known when it is asked for
        """The classes of `table`."""
        return self.table.space()

    def records(self) -> list[Record]:
        """All records, sorted by key."""
        return self._records

    def annotation(self, record: Record) -> Annotation:
        """``mask``: class indices, 255 where there is none.

        Raises:
            InputError: If nothing says the classes, or the mask is damaged, encoded otherwise or of another size, or
                holds an id or color of none of them.
        """
        path = self._groups.file(record, "mask")
        if path is None:
            return Annotation()
        require_size(path, record.image)
        return Annotation(mask=read_mask(path, self._encoding, self.table))


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
