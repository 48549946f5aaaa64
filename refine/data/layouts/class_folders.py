"""One folder a class: `root/CLASS/any/depth/image.png`."""

from pathlib import Path

import torch
from torch import Tensor

from refine.data.images import list_images
from refine.data.layouts.base import LabelSpace, Layout
from refine.data.samples import Record
from refine.errors import InputError


class ClassFolders(Layout):
    """The first folder below ``root`` names the class; classes are numbered in the order of their names.

    Args:
        root: The dataset's folder.
        classes: Class names in the order of their numbers; images of other classes are left out. None takes
            every folder that there is. Give it where two datasets must agree on the numbers.

    Raises:
        InputError: If an image lies outside any class folder, a class folder holds no image, or a class that
            was asked for has no folder.
    """

    def __init__(self, root: Path, classes: tuple[str, ...] | None = None) -> None:
        self.root = root
        images = list_images(root)
        stray = [path for path in images if path.parent == root]
        if stray:
            raise InputError(f"{stray[0]}: an image without a label; move it into the folder of its class")
        folders = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
        names = tuple(folders) if classes is None else classes
        by_class: dict[str, list[Record]] = {name: [] for name in names}
        for path in images:
            key = path.relative_to(root).as_posix()
            name = key.split("/", 1)[0]
            if name in by_class:
                by_class[name].append(Record(key, path))
        for name, records in by_class.items():
            if not records:
                raise InputError(
                    f"{root / name}: a class without an image (the folders are: {', '.join(folders)}); "
                    "add images, remove the folder, or name other classes"
                )
        self.label_space = LabelSpace("class", names)
        self._records = sorted((record for records in by_class.values() for record in records), key=lambda r: r.key)
        self._index = {name: index for index, name in enumerate(names)}

    def records(self) -> list[Record]:
        """All records, sorted by key."""
        return self._records

    def label(self, record: Record) -> Tensor:
        """``()`` int64: the class's number."""
        return torch.tensor(self._index[record.key.split("/", 1)[0]])
