"""One folder a class: `root/CLASS/any/depth/image.png`."""

import re
from pathlib import Path

import torch

from refine.data.layouts.base import LabelSpace, Layout
from refine.data.listing import Listing, in_label_folder
from refine.data.samples import Record
from refine.labels import Annotation

_ROLE = re.compile(
    r"images?|imgs?|rgb|colou?r|jpegimages|(?:train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?)[-_]?(?:a|b|set|data|\d+)?",
    re.IGNORECASE,
)
"""Folder names that say what lies in them, and not of which class it is: ``images``, ``train2017``, ``testA``."""


class ClassFolders(Layout):
    """The first folder below ``root`` names the class; classes are numbered in the order of their names.

    Args:
        root: The dataset's folder.
        classes: Class names in the order of their numbers; images of other classes are left out. None takes
            every folder that there is. Give it where two datasets must agree on the numbers.

    Raises:
        InputError: If there is no image. Faults are images outside any class folder, class folders without an image
            and classes that were asked for and have no folder.
    """

    name = "class-folders"
    specific = False

    def __init__(self, root: Path, classes: tuple[str, ...] | None = None) -> None:
        self.root = root
        files = Listing(root)
        files.require_images()
        folders = [folder for folder in files.by_folder if folder and "/" not in folder]
        names = tuple(folders) if classes is None else classes
        by_class: dict[str, list[Record]] = {name: [] for name in names}
        stray: list[Record] = []
        for key in files.images:
            name, slash, _ = key.partition("/")
            if not slash:
                stray.append(Record(key, root / key))
            elif name in by_class:
                by_class[name].append(Record(key, root / key))
        self.faults = [
            f"{record.image}: an image without a label; move it into the folder of its class" for record in stray
        ]
        self.faults += [
            f"{root / name}: a class without an image (the folders are: {', '.join(folders)}); "
            "add images, remove the folder, or name other classes"
            for name, records in by_class.items()
            if not records
        ]
        self.label_space = LabelSpace("class", names)
        kept = [record for records in by_class.values() for record in records]
        self._records = sorted(kept + stray, key=lambda record: record.key)
        self._index = {name: torch.tensor(index) for index, name in enumerate(names)}

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """Two folders or more at the top, none of them named for a role, and every image in one of them.

        Nor is one of them named for labels, as ``masks`` beside ``photos`` is; all may be (``with_mask``, ``no_mask``).
        """
        tops = {key.partition("/")[0] for key in files.images}
        labels = sum(in_label_folder(f"{top}/") for top in tops)
        if len(tops) < 2 or any("/" not in key for key in files.images) or any(map(_ROLE.fullmatch, tops)):
            return None
        if 0 < labels < len(tops):
            return None
        return f"every image lies in one of {len(tops)} folders ({', '.join(sorted(tops)[:3])}, …)"

    def annotation(self, record: Record) -> Annotation:
        """The class's number; nothing for an image outside of the folders."""
        folder, slash, _ = record.key.partition("/")
        return Annotation(class_id=self._index.get(folder) if slash else None)
