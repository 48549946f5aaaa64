"""A few images of a dataset with their labels: tiles for the page, and one sheet of them."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from refine.data.annotation import Annotation
from refine.data.samples import LabelSpace, Record
from refine.files import shown
from refine.inspect.reading import Dataset
from refine.labels import IGNORE
from refine.report.kit.overlay import Legend, caption, class_colors, draw_label, font
from refine.report.kit.pictures import fit, spread

TILES = 12


COLUMNS = 4


BOX = 320
"""The longest side of a tile: larger images are reduced to it, small ones enlarged by a whole factor."""


GAP, LINE = 10, 18
"""Between tiles, and of a line of text, in pixels of the sheet."""


class Tile(NamedTuple):
    """One image with its label over it."""

    key: str
    caption: str
    picture: Image.Image


class Montage(NamedTuple):
    """What is shown of a dataset."""

    tiles: list[Tile]
    legend: list[Legend]


def montage(dataset: Dataset, count: int = TILES) -> Montage:
    """Tiles spread evenly over the folders and names of the images that can be read."""
    records = {record.key: record for record in dataset.whole()}
    tiles, used = [], set()
    for key in spread(list(records), count):
        tile, classes = _tile(dataset, records[key])
        tiles.append(tile)
        used |= classes
    colors = class_colors(dataset.space)
    drawn = dataset.space.kind in {"mask", "objects"}
    legend = [Legend(dataset.space.names[index], colors[index]) for index in sorted(used) if drawn]
    return Montage(tiles, legend)


def _tile(dataset: Dataset, record: Record) -> tuple[Tile, set[int]]:
    image = dataset.layout.image(record, 3)
    picture = fit(Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()), BOX)
    annotation = _annotation(dataset, record)
    if annotation is None:
        return Tile(record.key, "its label cannot be read", picture), set()
    size = image.shape[1], image.shape[2]
    drawn = draw_label(picture, annotation, dataset.space, size)
    return Tile(record.key, caption(annotation, dataset.space), drawn), _classes(annotation, dataset.space)


def _annotation(dataset: Dataset, record: Record) -> Annotation | None:
    if dataset.space.kind == "none":
        return Annotation()
    try:
        return dataset.layout.annotation(record)
    except MemoryError:
        raise
    except Exception:  # it stands among the findings, with its reason
        return None


def _classes(annotation: Annotation, space: LabelSpace) -> set[int]:
    found: set[int] = set()
    if annotation.mask is not None:
        found |= set(torch.unique(annotation.mask.as_subclass(Tensor)).tolist())
    if annotation.objects is not None:
        found |= set(annotation.objects.classes.tolist())
    return {index for index in found if index != IGNORE and index < len(space.names)}


def sheet(shown_tiles: Montage) -> Image.Image:
    """All tiles with their captions on one white picture, and the legend below."""
    tiles = shown_tiles.tiles
    width = max((tile.picture.width for tile in tiles), default=BOX)
    width = max(width, 180)  # room for a key
    rows = [tiles[start : start + COLUMNS] for start in range(0, len(tiles), COLUMNS)]
    heights = [max(tile.picture.height for tile in row) + 2 * LINE + GAP for row in rows]
    across = min(COLUMNS, max(1, len(tiles)))
    total = GAP + across * (width + GAP)
    places = _legend_places(shown_tiles.legend, total)
    bottom = (places[-1][1] + LINE + GAP) if places else 0
    page = Image.new("RGB", (total, GAP + sum(heights) + bottom), "white")
    draw, top = ImageDraw.Draw(page), GAP
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            left = GAP + column * (width + GAP)
            page.paste(tile.picture, (left, top))
            lines = (shown(tile.caption), shown(tile.key)) if tile.caption else (shown(tile.key),)
            for number, line in enumerate(lines):
                place = (left, top + tile.picture.height + 2 + number * LINE)
                draw.text(place, _short(line, width), fill="black", font=font(12))
        top += height
    for entry, (x, y) in zip(shown_tiles.legend, places, strict=True):
        draw.rectangle((x, top + y + 2, x + 12, top + y + 14), fill=entry.color, outline="black")
        draw.text((x + 18, top + y), shown(entry.name), fill="black", font=font(12))
    return page


def _legend_places(legend: Sequence[Legend], width: int) -> list[tuple[int, int]]:
    """Upper left corners of the entries, in lines that are full."""
    places, x, y = [], GAP, 0
    for entry in legend:
        needed = 18 + round(font(12).getlength(shown(entry.name))) + 16
        if x > GAP and x + needed > width:
            x, y = GAP, y + LINE
        places.append((x, y))
        x += needed
    return places


def _short(text: str, width: int) -> str:
    """The end of a text that fits: of a key, its end tells it from others."""
    letters = font(12)
    if letters.getlength(text) <= width:
        return text
    while len(text) > 1 and letters.getlength("…" + text) > width:
        text = text[1:]
    return "…" + text
