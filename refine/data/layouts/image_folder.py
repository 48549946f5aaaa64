"""Any tree of images, without labels: the real side."""

from pathlib import Path

from refine.data.label_names import in_label_folder
from refine.data.layouts.base import Unlabeled, in_yaml
from refine.data.layouts.tables import first_row
from refine.data.listing import Listing
from refine.data.samples import Record


class ImageFolder(Unlabeled):
    """Every image file below ``root``; the label of each is an empty tensor."""

    name = "images"
    specific = False

    def __init__(self, root: Path) -> None:
        self.root = root
        self.faults = []
        self._records = [Record(key, root / key) for key in Listing(root).require_images()]

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """Whatever holds an image; it says so if some of them may be labels, which nothing but a name tells."""
        if not files.images:
            return None
        if found := first_row(files):
            table, row, column = found
            other = next((name for name in row if name != column), None)
            if other is not None:
                return (
                    f"{len(files.images)} images; {table.name} is carried, and nothing in it is judged: if its column "
                    f"{other} is a class, say so, {in_yaml('class-table', f'class_column: {other}')}"
                )
        labels = [key for key in files.images if in_label_folder(key)]
        if not 0 < len(labels) < len(files.images):
            return f"{len(files.images)} images"
        return (
            f"{len(files.images)} images, {len(labels)} of them in folders named for labels ({labels[0]}): "
            "if that is so, name the layout or the folder of the images"
        )
