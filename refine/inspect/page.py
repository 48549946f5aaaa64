"""The page of an inspection, one file that loads nothing, and its montage: a few images with their labels."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from refine.data.samples import Record
from refine.files import shown
from refine.inspect.gap import FEW
from refine.inspect.read import Dataset
from refine.inspect.result import Inspection, Spectrum
from refine.inspect.text import (
    advice,
    color_table,
    counts_text,
    distance_table,
    label_line,
    never_line,
    size_line,
    target_table,
    verdict,
    whole_path,
)
from refine.labels import Annotation
from refine.report.kit.format import rounded_percent
from refine.report.kit.overlay import Legend, caption, draw_label, drawn_classes, font, legend
from refine.report.kit.page import template
from refine.report.kit.pictures import fit_within, keys_across_folders, png_uri
from refine.report.kit.plot import MARKS, style, svg

FILES = 50
"""Files of each finding that are listed; the JSON has all."""

MAPS = 12

ALIKE = "What lies where does not differ by more than chance."

TOO_FEW = "No warning, but there are too few images on one side to tell."

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
    records = {record.key: record for record in dataset.readable()}
    tiles, used = [], set[int]()
    for key in keys_across_folders(list(records), count):
        tile, classes = _tile(dataset, records[key])
        tiles.append(tile)
        used |= classes
    drawn = dataset.tally.kind is not None and dataset.tally.kind.has_places
    return Montage(tiles, legend(used if drawn else (), dataset.space))


def _tile(dataset: Dataset, record: Record) -> tuple[Tile, frozenset[int]]:
    image = dataset.layout.image(record, 3)
    picture = fit_within(Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()), BOX)
    annotation = _annotation(dataset, record)
    if annotation is None:
        return Tile(record.key, "its label cannot be read", picture), frozenset()
    size = image.shape[1], image.shape[2]
    drawn = draw_label(picture, annotation, dataset.space, size)
    return Tile(record.key, caption(annotation, dataset.space), drawn), drawn_classes(annotation)


def _annotation(dataset: Dataset, record: Record) -> Annotation | None:
    if not dataset.space.is_labeled:
        return Annotation()
    try:
        return dataset.layout.annotation(record)
    except MemoryError:
        raise
    except Exception:  # it stands among the findings, with its reason
        return None


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


def render_page(result: Inspection, montages: Mapping[str, Montage]) -> str:
    """Return the HTML of an inspection.

    Args:
        result: What was found.
        montages: Tiles of ``here`` and, where there is one, of the ``real`` side.
    """
    gap, here, real = result["gap"], result["dataset"], result["real"]
    few = gap is not None and min(gap["images"]) < FEW
    filters: dict[str, Callable[..., object]] = {
        "whole_path": whole_path,
        "never_line": never_line,
        "percent": rounded_percent,
        "size_line": size_line,
        "counted": lambda values: counts_text(values, 6),
        "label_line": label_line,
        "target_table": target_table,
        "embedded": png_uri,
    }
    return template(Path(__file__).with_name("inspect.html.j2"), filters).render(
        title=f"Inspected: {shown(Path(here['path']).resolve().name)}",
        result=result,
        sides={"here": here, **({"real": real} if real else {})},
        verdict=verdict(result),
        shots=montages,
        gap=gap,
        colors=color_table(gap) if gap else None,
        distances=distance_table(gap) if gap else None,
        # Width and height of a map's cell, in the proportion of the images as far as that can be looked at.
        cell=(min(2.0, max(0.5, gap["size"][1] / gap["size"][0])), 1.0) if gap else (1, 1),
        spectrum=spectrum_svg(gap["spectrum"]) if gap else "",
        maps=gap["maps"][:MAPS] if gap else [],
        files=FILES,
        advice=advice(gap, here["path"], real["path"]) if gap and real else [],
        few=few,
        nothing=TOO_FEW if few else ALIKE,
    )


def spectrum_svg(spectrum: Spectrum) -> str:
    """Power over frequency, here and of the real images."""
    with style(MARKS):
        figure = Figure(figsize=(5, 2.9), layout="constrained")
        axes = figure.subplots()
        for name, values, color in (
            ("here", spectrum["here"], MARKS.synthetic),
            ("real", spectrum["real"], MARKS.real),
        ):
            axes.plot(spectrum["frequencies"], values, color=color, linewidth=2, label=name)
        axes.set_xlabel("cycles a pixel: coarse to fine")
        axes.set_ylabel("power in dB")
        axes.set_xlim(0, 0.5)
        axes.grid(axis="y", linewidth=0.8)
        axes.tick_params(length=0)
        axes.legend(frameon=False, labelcolor=MARKS.ink)
        return svg(figure)
