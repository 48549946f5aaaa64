"""Which number or color in a dataset's masks stands for which class: tables as data files, with their source."""

from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refine.data.samples import LabelSpace
from refine.errors import InputError
from refine.labels import IGNORE
from refine.yaml_text import read_yaml

TABLES = Path(__file__).parent / "label_spaces"

IDS = 1 << 16
"""Ids are below this: what 16 bits hold."""

Color = tuple[int, int, int]


class LabelEntry(NamedTuple):
    """One row of a table."""

    id: int
    name: str
    color: Color | None
    ignore: bool
    """Void: the pixels belong to no class."""


class LabelTable(NamedTuple):
    """A dataset's classes as its files write them. A class's index is its position among those that are not void."""

    name: str
    entries: tuple[LabelEntry, ...]

    def space(self, kind: str = "mask") -> LabelSpace:
        """Names and colors of the classes, void left out; no colors where one has none."""
        kept = [entry for entry in self.entries if not entry.ignore]
        colors = [entry.color for entry in kept if entry.color is not None]
        return LabelSpace(kind, tuple(entry.name for entry in kept), tuple(colors) if len(colors) == len(kept) else ())

    def indices(self) -> list[int]:
        """The class index of each entry, in their order; 255 of void."""
        numbers = iter(range(len(self.entries)))
        return [IGNORE if entry.ignore else next(numbers) for entry in self.entries]

    def from_ids(self, ids: NDArray[Any], path: Path) -> Tensor:
        """``(H, W)`` class indices, int64, 255 where there is none, from an array of the dataset's ids.

        Raises:
            InputError: If an id is not in the table; it names ``path``, where they were read.
        """
        lookup = np.full(IDS, -1, dtype=np.int64)
        lookup[[entry.id for entry in self.entries]] = self.indices()
        wide = ids.astype(np.int64)
        inside = (wide >= 0) & (wide < IDS)
        indices: NDArray[np.int64] = np.where(inside, lookup[np.where(inside, wide, 0)], -1)
        if (indices < 0).any():
            unknown = np.unique(wide[indices < 0])
            shown = ", ".join(map(str, unknown[:5])) + (", …" if len(unknown) > 5 else "")
            raise InputError(
                f"{path}: id {shown} in {int((indices < 0).sum())} pixels is none of {self.name}'s "
                f"({_ranges(entry.id for entry in self.entries)}); it may be another version of the dataset, "
                "or a resized mask"
            )
        return torch.from_numpy(indices)

    def from_colors(self, colors: NDArray[np.uint8], path: Path) -> Tensor:
        """As `from_ids`, from ``(H, W, 3)`` of the dataset's colors. A color of a class and of void is the class's.

        Raises:
            InputError: If a color is not in the table, or two classes have it; it names ``path``, where they were read.
        """
        meant = self._by_color()
        codes = np.array(sorted(meant), dtype=np.int64)
        packed = colors.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
        places = np.searchsorted(codes, packed).clip(max=len(codes) - 1)
        if (unlike := codes[places] != packed).any():
            unknown = np.unique(packed[unlike])
            shown = ", ".join(map(_shown, unknown[:3])) + (", …" if len(unknown) > 3 else "")
            raise InputError(
                f"{path}: color {shown} in {int(unlike.sum())} pixels is none of {self.name}'s; it may be another "
                "palette, or a mask that was resized or stored as JPEG"
            )
        for place in np.unique(places) if any(len(found) > 1 for found in meant.values()) else ():
            if len(found := meant[int(codes[place])]) > 1:
                names = " and ".join(self.space().names[index] for index in sorted(found))
                raise InputError(
                    f"{path}: color {_shown(codes[place])} is that of {names} in {self.name}; read its ids instead"
                )
        return torch.from_numpy(np.array([min(meant[int(code)]) for code in codes], dtype=np.int64)[places])

    def _by_color(self) -> dict[int, set[int]]:
        """The class indices that each color may stand for, void only where nothing else has it."""
        found: dict[int, set[int]] = {}
        for entry, index in zip(self.entries, self.indices(), strict=True):
            if entry.color is not None:
                red, green, blue = entry.color
                found.setdefault(red << 16 | green << 8 | blue, set()).add(index)
        if not found:
            raise InputError(f"{self.name}: this table has no colors; add color: [r, g, b] to its classes")
        return {code: indices - {IGNORE} or {IGNORE} for code, indices in found.items()}


def _shown(code: int) -> str:
    return str((int(code) >> 16, int(code) >> 8 & 255, int(code) & 255))


def _ranges(numbers: Any) -> str:
    """As ``0 to 33, 255``; ``no ids`` of none."""
    ordered = sorted(numbers)
    if not ordered:
        return "no ids"
    breaks = [place for place, (one, two) in enumerate(pairwise(ordered), start=1) if two > one + 1]
    runs = [ordered[start:end] for start, end in pairwise([0, *breaks, len(ordered)])]
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def table_names() -> list[str]:
    """Names of the tables that ship, sorted."""
    return sorted(file.stem for file in TABLES.glob("*.yaml") if "-to-" not in file.stem)


@cache
def load_table(name: str) -> LabelTable:
    """A table that ships with `refine`, by its name: ``refine/data/label_spaces/NAME.yaml``.

    Raises:
        InputError: If there is none of this name.
    """
    if name not in table_names():
        raise InputError(f"label table {name}: none of those that ship: {', '.join(table_names())}")
    return read_table(TABLES / f"{name}.yaml")


def read_table(path: Path) -> LabelTable:
    """A table from a YAML file with ``classes``: a list of ``{id, name, color: [r, g, b], ignore}``, and a ``name``.

    Raises:
        InputError: If it cannot be read, an id or a name stands twice, or there are more classes than masks can hold.
    """
    content = read_yaml(path)
    try:
        entries = tuple(
            LabelEntry(
                _integer(row["id"], IDS), str(row["name"]), _color(row.get("color")), bool(row.get("ignore", False))
            )
            for row in content["classes"]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: expected classes: a list of {{id: 7, name: road, color: [128, 64, 128]}} ({error!r})"
        ) from error
    for field in ("id", "name"):
        found = Counter(getattr(entry, field) for entry in entries)
        twice = next((value for value, times in found.items() if times > 1), None)
        if twice is not None:
            raise InputError(f"{path}: the {field} {twice!r} stands twice")
    if not 0 < sum(not entry.ignore for entry in entries) <= IGNORE:
        raise InputError(f"{path}: expected 1 to {IGNORE} classes that are not void, as 8-bit masks hold them")
    return LabelTable(str(content.get("name", path.stem)), entries)


def _integer(value: Any, end: int) -> int:
    if type(value) is not int or not 0 <= value < end:  # neither true nor 7.5 is an id
        raise ValueError(f"{value!r} is no whole number from 0 to {end - 1}")
    return value


def _color(values: Any) -> Color | None:
    if values is None:
        return None
    red, green, blue = (_integer(value, 256) for value in values)
    return red, green, blue
