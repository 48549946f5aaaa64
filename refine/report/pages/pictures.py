"""Images as people see them: before, after, real, and what changed. For the page and for the README."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from refine.data.images import opened
from refine.data.layouts import Layout
from refine.data.open_layout import open_layout
from refine.data.samples import Record
from refine.errors import InputError
from refine.files import shown, write_whole
from refine.report.kit.pictures import TINY, fit_within, keys_across_folders, png, sheet
from refine.report.pages.audited import read_refined


class Triple(NamedTuple):
    """One synthetic image, what became of it, and a real one: not a pair of it, there is none."""

    key: str
    before: Image.Image
    after: Image.Image
    real: Image.Image


def open_picture(path: Path) -> Image.Image:
    """A file as RGB, upright; see-through parts on gray, 16 bits scaled to 8.

    Raises:
        InputError: If it is missing or cannot be decoded to its end.
    """
    try:
        with opened(path) as image:
            image.load()
            upright = ImageOps.exif_transpose(image)
    except InputError as error:
        raise InputError(
            f"{shown(str(path))}: cannot be shown: {str(error).removeprefix(f'{path}: ')} (`refine verify` names what "
            "is damaged in a refined dataset)"
        ) from error
    if upright.mode.startswith("I"):  # Pillow's own conversion clips at 255 instead of scaling
        upright = Image.fromarray((np.asarray(upright).astype(np.uint32) >> 8).astype(np.uint8))
    if upright.mode in {"LA", "PA", "RGBA"} or "transparency" in upright.info:
        upright = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", upright.size, (128, 128, 128, 255)), upright).convert("RGB")
    return upright.convert("RGB")


def triples(synthetic: Path, refined: Path, real: Path, keys: Sequence[str]) -> list[Triple]:
    """The pictures of some keys.

    Raises:
        InputError: If one cannot be read.
    """
    before, after, photos = Shelf(synthetic), Shelf(refined), Shelf(real)
    paths = [real / key for key in photos.records]
    return [
        Triple(
            key,
            before.picture(key),
            after.picture(key),
            photos.picture(beside(key, paths, number).relative_to(real).as_posix()),
        )
        for number, key in enumerate(keys)
    ]


def beside(key: str, real: Sequence[Path], number: int) -> Path:
    """A real image to show with a synthetic one's key: of the folder with the same name, if there is one.

    ``real`` is sorted and not empty; each number has another one.
    """
    folder = PurePosixPath(key).parent.name
    same = [path for path in real if path.parent.name == folder] if folder else []
    pool = same or list(real)
    return pool[number * 7919 % len(pool)]  # a prime stride: neighboring files are often frames of one scene


class Shelf:
    """A dataset's pictures by their keys, whether they are files or lie in files.

    Args:
        root: The dataset. What a known layout keeps beside its images is no picture.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def layout(self) -> Layout:
        """As `auto` has it."""
        return open_layout("auto", self.root, guard=False)

    @cached_property
    def records(self) -> dict[str, Record]:
        """Every image, by its key."""
        return {record.key: record for record in self.layout.records()}

    def picture(self, key: str) -> Image.Image:
        """As `open_picture` has it.

        Raises:
            InputError: If it is missing or cannot be decoded to its end.
        """
        path = self.root / key
        if path.is_file() or key not in self.records:
            return open_picture(path)
        return Image.fromarray(self.layout.image(self.records[key], 3).permute(1, 2, 0).numpy())


def change_between(before: Image.Image, after: Image.Image) -> NDArray[np.float64]:
    """``(H, W)``: the mean over the channels of the absolute change, in levels of 0 … 255.

    Raises:
        InputError: If the sizes differ.
    """
    if before.size != after.size:
        raise InputError(
            f"a refined image is {after.width}x{after.height}, its original {before.width}x{before.height} (width x "
            "height); was the synthetic dataset changed? Give the one that was refined, or run `refine apply` again"
        )
    changes: NDArray[np.float64] = np.abs(np.asarray(after, np.float64) - np.asarray(before, np.float64)).mean(axis=2)
    return changes


def change_picture(change: NDArray[np.float64], most: float) -> Image.Image:
    """A change as colors, from black (none) to light yellow (``most`` levels or more)."""
    colors = matplotlib.colormaps["inferno"](np.clip(change / most, 0, 1), bytes=True)
    return Image.fromarray(np.ascontiguousarray(colors[..., :3]))


def write_grid(path: Path, synthetic: Path, refined: Path, real: Path, count: int = 8) -> Path:
    """Write a PNG of ``count`` columns: synthetic images, below them what became of them, below those real ones.

    Raises:
        InputError: If an input is missing or damaged, or ``path`` cannot be written.
    """
    keys = keys_across_folders([image["key"] for image in read_refined(refined).images], count)
    if not keys:
        raise InputError(f"{refined}: no refined image to show; see the reasons in its manifest")
    columns = [
        [fit_within(picture, TINY) for picture in triple[1:]] for triple in triples(synthetic, refined, real, keys)
    ]
    rows = zip(("synthetic", "refined", "real"), zip(*columns, strict=True), strict=True)
    return write_whole(path, png(sheet(list(rows))))
