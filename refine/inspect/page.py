"""The page: one file that loads nothing."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import jinja2

from refine.files import shown
from refine.inspect.differences import percent
from refine.inspect.gap import FEW
from refine.inspect.montage import Montage
from refine.inspect.plots import spectrum_svg
from refine.inspect.result import Inspection, Side
from refine.inspect.text import (
    advice,
    color_rows,
    counted,
    distance_rows,
    label_line,
    never_line,
    size_line,
    target_rows,
    verdict,
    whole_path,
)
from refine.report.kit.overlay import Legend
from refine.report.kit.page import template
from refine.report.kit.pictures import png_uri

FILES = 50
"""Files of each finding that are listed; the JSON has all."""
MAPS = 12
ALIKE = "What lies where does not differ by more than chance."
TOO_FEW = "No warning, but there are too few images on one side to tell."


class Picture(NamedTuple):
    """A tile as the page embeds it."""

    key: str
    caption: str
    source: str
    """A data URI."""


class Shots(NamedTuple):
    """Some images of a dataset with their labels."""

    pictures: list[Picture]
    legend: list[Legend]


def render_page(result: Inspection, montages: Mapping[str, Montage]) -> str:
    """HTML of an inspection.

    Args:
        result: What was found.
        montages: Tiles of ``here`` and, where there is one, of the ``real`` side.
    """
    gap, real = result["gap"], result["real"]
    few = gap is not None and min(gap["images"]) < FEW
    sides: dict[str, Side] = {"here": result["dataset"], **({"real": real} if real else {})}
    return _template().render(
        title=f"Inspected: {shown(Path(result['dataset']['path']).resolve().name)}",
        result=result,
        sides=sides,
        verdict=verdict(result),
        shots={name: _embedded(tiles) for name, tiles in montages.items()},
        gap=gap,
        colors=color_rows(gap) if gap else [],
        distances=distance_rows(gap) if gap else [],
        cell=_cell(gap["size"]) if gap else (1, 1),
        spectrum=spectrum_svg(gap["spectrum"]) if gap else "",
        maps=gap["maps"][:MAPS] if gap else [],
        files=FILES,
        advice=advice(gap, result["dataset"]["path"], real["path"]) if gap and real else [],
        few=few,
        nothing=TOO_FEW if few else ALIKE,
    )


def _cell(size: list[int]) -> tuple[float, float]:
    """Width and height of a map's cell, in the proportion of the images as far as that can be looked at."""
    return min(2.0, max(0.5, size[1] / size[0])), 1.0


def _embedded(tiles: Montage) -> Shots:
    pictures = [Picture(tile.key, tile.caption, png_uri(tile.picture)) for tile in tiles.tiles]
    return Shots(pictures, tiles.legend)


def _template() -> jinja2.Template:
    filters: dict[str, Callable[..., object]] = {
        "whole_path": whole_path,
        "never_line": never_line,
        "percent": percent,
        "size_line": size_line,
        "counted": lambda values: counted(values, 6),
        "label_line": label_line,
        "target_rows": target_rows,
    }
    return template(Path(__file__).with_name("inspect.html.j2"), filters)
