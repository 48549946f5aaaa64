"""An index mask beside each image: `root/images/any/depth/NAME.jpg` and `root/masks/any/depth/NAME.png`."""

from functools import cached_property
from pathlib import Path

import torch
from torchvision.tv_tensors import Mask

from refine.data.annotation import Annotation
from refine.data.layouts.base import LabelSpace, in_yaml
from refine.data.layouts.class_lists import read_names, require_names
from refine.data.layouts.mask_files import index_pixels
from refine.data.layouts.paired_masks import IMAGE, PairedMasks
from refine.data.listing import Listing, stem
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import IGNORE


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
