"""GTA5, "Playing for Data": `images/00001.png` and `labels/00001.png`, whose palette indices are Cityscapes' ids.

Label maps that a tool has saved as RGB are read by the palette's colors.

Source: https://download.visinf.tu-darmstadt.de/data/from_games; S. R. Richter et al., "Playing for Data: Ground Truth
from Computer Games", ECCV 2016.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from torchvision.tv_tensors import Mask

from refine.data.images import opened
from refine.data.label_table import Color, LabelTable, load_table
from refine.data.layouts.paired_masks import IMAGE, Grouped, PairedMasks, color_pixels, has_channels, read_mask
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError

_IMAGE = re.compile(r"^images/(\d{5})\.(?:png|jpe?g)$")
_LABEL = re.compile(r"^labels/(\d{5})(_.*)?\.png$")
_ROAD, _SKY = 7, 23


class GTA5(PairedMasks):
    """A class for each pixel, in Cityscapes' classes and their order.

    Args:
        root: The folder that holds ``images`` and ``labels``, as the archives unpack. Label maps that people convert
            beside the released ones (``_labelTrainIds``) are labels too, and not read.

    Raises:
        InputError: If there is no such image. Faults are images without a label map, and label maps without an image.
    """

    name = "gta5"

    def __init__(self, root: Path) -> None:
        self.root = root
        self._table = load_table("gta5")
        self._colored = _by_color(self._table)
        self.label_space = self._table.space()
        self._pair(_grouped(Listing(root).require_images()), lambda number: str(root / "labels" / f"{number}.png"))
        if not self._records:
            raise InputError(f"{root}: no images/00001.png and the like in it; another layout?")

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """A numbered label map with an image of its number, and Cityscapes' palette, or no colors but its."""
        numbers = {found[1] for key in files.by_folder.get("images", []) if (found := _IMAGE.match(f"images/{key}"))}
        label = next((name for name in files.by_folder.get("labels", []) if name.removesuffix(".png") in numbers), None)
        if label is None:
            return None
        path, table = files.root / "labels" / label, load_table("gta5")
        try:
            if has_channels(path):
                pixels = color_pixels(path)
                _by_color(table).from_colors(pixels, path)
                varied = bool((pixels != pixels[:1, :1]).any())
                return f"labels/{label} has Cityscapes' colors, and images/ one of its number" if varied else None
            with opened(path) as image:
                palette = (image.getpalette() or []) if image.mode == "P" else []
        except InputError:
            return None
        colors = {entry.id: entry.color for entry in table.entries}
        fits = all(tuple(palette[3 * number : 3 * number + 3]) == colors[number] for number in (_ROAD, _SKY))
        return f"labels/{label} has Cityscapes' palette, and images/ one of its number" if fits else None

    def _mask(self, path: Path, record: Record) -> Mask:
        colored = has_channels(path)
        return read_mask(path, "color" if colored else "index", self._colored if colored else self._table)

    def sized_file(self, record: Record, role: str | None) -> Path | None:
        """A file of the image's size."""
        try:
            return super().sized_file(record, role)
        except InputError as error:
            raise InputError(f"{error}. Some released label maps do not fit their images: leave both out") from error


def _grouped(keys: Iterable[str]) -> Iterator[Grouped]:
    for key in keys:
        if found := _IMAGE.match(key):
            yield found[1], IMAGE, key
        elif found := _LABEL.match(key):
            yield found[1], "converted" if found[2] else "mask", key


def _by_color(table: LabelTable) -> LabelTable:
    """A color that two classes share is the first's: poles and groups of poles look the same."""
    seen: set[Color | None] = set()
    entries = []
    for entry in table.entries:
        twice = not entry.ignore and entry.color in seen
        seen |= set() if entry.ignore else {entry.color}
        entries.append(entry._replace(color=None) if twice else entry)
    return table._replace(entries=tuple(entries))
