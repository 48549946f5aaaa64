"""Which number or color in a dataset's masks stands for which class.

Tables are data files with their source, or the plain files that datasets come with: names a line, colors and names, CSV
with a header.
"""

import csv
from collections import Counter
from functools import cache
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refine.errors import InputError
from refine.files import read_lines, why
from refine.labels import IGNORE, LabelSpace
from refine.yaml_text import read_yaml

TABLES = Path(__file__).parent / "label_spaces"

TABLE_FILES = ("classes.txt", "codes.txt", "label_colors.txt", "class_dict.csv", "classes.csv", "classes.yaml")
"""Names under which a table lies beside its masks, the first that is there."""

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
        packed = packed_colors(colors)
        places = np.searchsorted(codes, packed).clip(max=len(codes) - 1)
        if (unlike := codes[places] != packed).any():
            unknown = np.unique(packed[unlike])
            shown = ", ".join(str(unpacked(code)) for code in unknown[:3]) + (", …" if len(unknown) > 3 else "")
            raise InputError(
                f"{path}: color {shown} in {int(unlike.sum())} pixels is none of {self.name}'s; it may be another "
                "palette, or a mask that was resized or stored as JPEG"
            )
        for place in np.unique(places) if any(len(found) > 1 for found in meant.values()) else ():
            if len(found := meant[int(codes[place])]) > 1:
                names = " and ".join(self.space().names[index] for index in sorted(found))
                raise InputError(
                    f"{path}: color {unpacked(codes[place])} is that of {names} in {self.name}; read its ids instead"
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


def packed_colors(colors: NDArray[np.uint8]) -> NDArray[np.int64]:
    """``(...)`` int64: red, green and blue of ``(..., 3)`` as one number each, red in the highest byte."""
    packed: NDArray[np.int64] = colors.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    return packed


def unpacked(code: int) -> Color:
    """The color that `packed_colors` made this number of."""
    return int(code) >> 16, int(code) >> 8 & 255, int(code) & 255


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


def open_table(root: Path, table: str) -> LabelTable:
    """A table by its name among those that ship with `refine`, or from a file, below ``root`` first.

    Args:
        root: The dataset's folder.
        table: A name, or the path of a ``.yaml`` (see `read_table`), ``.csv`` or ``.txt`` (see `read_classes`).
            What ends in none of them is a name.

    Raises:
        InputError: If there is none of this name, or the file cannot be read.
    """
    if Path(table).suffix.lower() in {".yaml", ".yml", ".csv", ".txt"}:
        below = root / table
        return read_classes(below if below.is_file() else Path(table))
    return load_table(table)


def read_classes(path: Path) -> LabelTable:
    """A table from a file; without ids of its own, a class's id is its place.

    Args:
        path: ``.yaml``; ``.csv`` with the columns name, r, g, b and, if need be, id; ``.txt`` with a name a line, or
            red, green, blue and the name.

    Raises:
        InputError: If it cannot be read so.
    """
    kind = path.suffix.lower()
    if kind in {".yaml", ".yml"}:
        return read_table(path)
    if kind == ".csv":
        return _from_csv(path)
    if kind != ".txt":
        raise InputError(f"{path}: expected a table of classes as .yaml, .csv or .txt")
    rows = [line.split() for line in read_names(path)]
    if all(len(row) > 3 and all(part.isdecimal() for part in row[:3]) for row in rows):
        return class_table(str(path), [(" ".join(row[3:]), _color_of(row[:3], path)) for row in rows])
    return class_table(str(path), [(" ".join(row), None) for row in rows])


def read_names(path: Path) -> tuple[str, ...]:
    """The lines of a text file, without blank ones and spaces around.

    Raises:
        InputError: If it cannot be read, or has more names than there are ids.
    """
    try:
        names = tuple(islice((line.strip() for line in read_lines(path) if line.strip()), IDS + 1))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a name a line ({why(error)})") from error
    if len(names) > IDS:
        raise InputError(f"{path}: more than {IDS} lines, so it is not a list of classes; replace it")
    return names


def with_none(table: LabelTable) -> LabelTable:
    """The same with 255 for none, as lists of names leave it unsaid; as it is where 255 is a class."""
    if IGNORE in {entry.id for entry in table.entries}:
        return table
    return table._replace(entries=(*table.entries, LabelEntry(IGNORE, "(none)", None, True)))


def class_table(name: str, rows: list[tuple[str, Color | None]], ids: list[int] | None = None) -> LabelTable:
    """A table of names with their colors; without ids of their own, in the order of their ids.

    Raises:
        InputError: If there is no name, one stands twice, there are more than 255, or an id is out of range.
    """
    require_names(name, tuple(label for label, _ in rows))
    ids = list(range(len(rows))) if ids is None else ids
    if len(set(ids)) < len(ids) or not all(0 <= number < IDS for number in ids):
        raise InputError(f"{name}: expected different ids of 0 to 65535")
    return LabelTable(
        name, tuple(LabelEntry(number, label, color, False) for number, (label, color) in zip(ids, rows, strict=True))
    )


def require_names(where: str, names: tuple[str, ...]) -> None:
    """Refuse class names that 8-bit masks cannot hold or that stand twice.

    Raises:
        InputError: Naming ``where`` they stand.
    """
    if not 0 < len(names) <= IGNORE or len(set(names)) < len(names):
        shown = ", ".join(names[:20]) + (f", … ({len(names)} in all)" if len(names) > 20 else "")
        raise InputError(f"{where}: expected 1 to {IGNORE} different class names, found {shown or 'none'}")


def _from_csv(path: Path) -> LabelTable:
    found: list[tuple[str, Color | None]] = []
    ids: list[int] = []
    try:
        for row in islice(csv.DictReader(read_lines(path), skipinitialspace=True), IDS + 1):
            values = {str(name).strip().lower(): str(value or "").strip() for name, value in row.items()}
            parts = [values[name] for name in "rgb" if values.get(name)]
            found.append((values["name"], _color_of(parts, path) if parts else None))
            ids.append(int(values.get("id") or len(ids)))
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: expected a CSV with the columns name, r, g, b ({error!r})") from error
    return class_table(str(path), found, ids)


def _color_of(parts: list[str], path: Path) -> Color:
    red, green, blue = (int(part) for part in parts)
    if not all(0 <= value <= 255 for value in (red, green, blue)):
        raise InputError(f"{path}: {red} {green} {blue} is no color; each part is 0 to 255")
    return red, green, blue
