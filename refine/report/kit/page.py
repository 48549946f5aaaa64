"""What every page is made of: the environment of its template, and the answers at its head."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import jinja2
from markupsafe import Markup, escape

from refine.errors import InputError
from refine.files import cut, shown
from refine.report.kit.format import prose


def template(file: Path, filters: Mapping[str, Callable[..., object]] = MappingProxyType({})) -> jinja2.Template:
    """A page's template; it may include `style.css` and import `parts.html.j2`, which lie here.

    Args:
        file: Where it stands.
        filters: What this page needs beside the common ones.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([file.parent, Path(__file__).parent]),
        autoescape=True,  # names of files, reasons and rows are a stranger's
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": shown, "prose": prose, "breakable": breakable, **filters}
    environment.filters["tied"] = lambda text: text.replace(" %", "\u00a0%")
    return environment.get_template(file.name)


def breakable(key: str) -> Markup:
    """A file's path that may be broken after a slash or underscore and before its suffix, rather than anywhere."""
    parts = re.split(r"(?<=[/_])|(?=\.[^./]*$)", shown(key))
    return Markup("<wbr>").join(escape(part) for part in parts)


Mark = Literal["good", "bad", "even", "unknown"]

VERDICTS: dict[Mark, str] = {"good": "✓ yes", "bad": "✗ no", "even": "= the same", "unknown": ""}

MIXED = "± mixed"

CHANCE = "± may be chance"

DEEPEST = 100
"""Levels of objects in objects of a record; what commands write has fewer than ten."""


def facts(record: object, place: str = "", level: int = 0) -> list[tuple[str, str]]:
    """Return every value of a JSON record as text with its dotted name, for the macro `facts` of `parts.html.j2`.

    Raises:
        InputError: If objects lie in each other too deep to be followed.
    """
    if level > DEEPEST:  # whoever follows it further needs a frame for each level
        raise InputError(f"{cut(place)}: more than {DEEPEST} levels of objects; make the record anew")
    if isinstance(record, Mapping) and record:
        names = {name: f"{place}.{shown(str(name))}" if place else shown(str(name)) for name in record}
        return [row for name, value in record.items() for row in facts(value, names[name], level + 1)]
    plain = isinstance(record, str | int | float)
    return [(place, shown(str(record) if plain else json.dumps(record, default=str)))]


class Answer(NamedTuple):
    """One question answered."""

    question: str
    mark: Mark
    verdict: str
    """One word; empty where nothing was measured."""
    figure: str
    """The answer in one glance."""
    sentences: list[str]
