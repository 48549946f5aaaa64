"""Class tables in the plain files that datasets come with: names a line, colors and names, CSV with a header."""

import csv
from itertools import islice
from pathlib import Path

from refine.data.label_table import IDS, Color, LabelEntry, LabelTable, load_table, read_table
from refine.errors import InputError
from refine.files import read_lines, why
from refine.labels import IGNORE

FILES = ("classes.txt", "codes.txt", "label_colors.txt", "class_dict.csv", "classes.csv", "classes.yaml")
"""Names under which a table lies beside its masks, the first that is there."""


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
        return class_table(str(path), [(" ".join(row[3:]), _color(row[:3], path)) for row in rows])
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
            found.append((values["name"], _color(parts, path) if parts else None))
            ids.append(int(values.get("id") or len(ids)))
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: expected a CSV with the columns name, r, g, b ({error!r})") from error
    return class_table(str(path), found, ids)


def _color(parts: list[str], path: Path) -> Color:
    red, green, blue = (int(part) for part in parts)
    if not all(0 <= value <= 255 for value in (red, green, blue)):
        raise InputError(f"{path}: {red} {green} {blue} is no color; each part is 0 to 255")
    return red, green, blue
