"""Tables of labels as CSV or JSON lines: rows with their number, and which of their columns names the image.

Spreadsheets write CSV as their country does: with commas, or with semicolons and a comma for the decimal point, or with
tabs. The header line says which.
"""

import csv
import json
import re
from collections.abc import Container, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from refine.data.layouts.base import Layout, in_yaml
from refine.data.listing import Listing, suffix
from refine.data.samples import Record
from refine.errors import InputError
from refine.files import read_lines, why

Row = dict[str, object]

PATH_COLUMNS = ("path", "file", "filename", "image", "file_name")
"""What the column with the image is called, in the order in which it is looked for."""

_BEYOND = "what stands beyond the header"

BOX_COLUMNS = frozenset({"xmin", "x_min", "x1", "bbox"})
"""A table with one of them has a row for each object and not for each image."""


FEW_FAULTS, FEW_TIMES = 10_000, 100
"""So many wrong lines, and so many times the number of images, are listed one by one."""

_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl"})
_SEPARATORS = (",", ";", "\t")
_QUOTED = re.compile(r'"[^"]*"')
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+(?:[eE][+-]?\d+)?\s*")


def find_table(files: Listing, layout: str = "table") -> Path:
    """The only table at the top of a dataset.

    Args:
        files: The dataset.
        layout: Whose option its name is, for the message.

    Raises:
        InputError: If there is not exactly one.
    """
    tables = [files.root / name for name in files.by_folder[""] if suffix(name) in _SUFFIXES]
    if len(tables) != 1:
        found = ", ".join(path.name for path in tables) or "none"
        raise InputError(
            f"{files.root}: expected one .csv, .tsv or .jsonl table of labels, found {found}; name it "
            + in_yaml(layout, "table: labels.csv")
        )
    return tables[0]


def read_rows(table: Path) -> Iterator[tuple[int, Row]]:
    """Rows with their line's number, from ``.csv`` or ``.tsv`` with a header, or from ``.jsonl``.

    Raises:
        InputError: If the file cannot be read to its end.
    """
    try:
        lines = read_lines(table)
        if table.suffix.lower() in {".csv", ".tsv"}:
            header = next(lines, "")
            separator = _separator(header)
            for row in (reader := csv.DictReader(chain([header], lines), restkey=_BEYOND, delimiter=separator)):
                if not any(row.get(_BEYOND) or ()):  # a comma at the end of a line says nothing
                    row.pop(_BEYOND, None)
                cells = {name.strip(): _pointed(value) if separator == ";" else value for name, value in row.items()}
                yield reader.line_num, cells
        else:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _json_object(line, f"{table}, line {number}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table}: cannot be read as a table ({why(error)})") from error


def _separator(header: str) -> str:
    """The one that sets the path's column apart, or else the one that stands most often."""
    bare = _QUOTED.sub("", header)

    def fits(separator: str) -> tuple[bool, int]:
        cells = {cell.strip(' "\r\n').lower() for cell in header.split(separator)}
        return not cells.isdisjoint(PATH_COLUMNS), bare.count(separator)

    return max(_SEPARATORS, key=fits)


def _pointed(value: object) -> object:
    """A number with a decimal comma as one with a point."""
    return value.replace(",", ".") if isinstance(value, str) and _DECIMAL_COMMA.fullmatch(value) else value


def _json_object(line: str, where: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error})") from error
    if not isinstance(row, dict):
        raise InputError(f"{where}: expected an object with the path and its labels, found {type(row).__name__}")
    return row


def first_row(files: Listing) -> tuple[Path, Row, str] | None:
    """Of the only table at the top: its path, its first row and the column that names an image below.

    None if there is no such table, or it has rows for boxes. Never raises.
    """
    try:
        table = find_table(files)
        _, row = next(read_rows(table), (0, {}))
        column = path_column(row, str(table))
    except InputError:
        return None
    if BOX_COLUMNS & {name.lower() for name in row} or image_key(row, column, files.known) not in files.known:
        return None
    return table, row, column


def path_column(row: Row, where: str, wanted: str | None = None, layout: str = "table") -> str:
    """The column that names the image.

    Args:
        row: Any row.
        where: For the message.
        wanted: Its name, if it is known; else the first of `PATH_COLUMNS` that there is.
        layout: Whose option it is, for the message.

    Raises:
        InputError: If there is none.
    """
    names = PATH_COLUMNS if wanted is None else (wanted,)
    found = named_column(row, PATH_COLUMNS) if wanted is None else wanted if wanted in row else None
    if found is None:
        raise InputError(
            f"{where}: no column {' or '.join(map(repr, names))}; found {', '.join(row)}; name it "
            + in_yaml(layout, f"path_column: {next(iter(row), 'NAME')}")
        )
    return found


def named_column(row: Row, names: tuple[str, ...]) -> str | None:
    """The first of these names that there is, in whatever case the table writes it; None without one."""
    return next((column for name in names for column in row if column.lower() == name), None)


def image_key(row: Row, column: str, known: frozenset[str]) -> str:
    """The image of a row, with forward slashes and without a leading ``./`` unless a file is called just so."""
    text = str(row.get(column))
    return text if text in known else text.replace("\\", "/").removeprefix("./")


def require_few(faults: list[str], images: int, file: Path) -> None:
    """Stop at a file of which far more lines are wrong than there are images: millions would take gigabytes.

    Raises:
        InputError: With the first fault.
    """
    if len(faults) > FEW_FAULTS + FEW_TIMES * images:
        raise InputError(f"{file}: {len(faults)} lines are wrong, such as {faults[0].removeprefix(f'{file}, ')}")


class TableLayout(Layout):
    """A row of one table for each image. Subclasses go through `_rows` and take each row's image and label.

    Args:
        root: The dataset's folder; paths in the table are relative to it.
        table: The table's file name inside ``root``. None takes the only one that there is.
        path_column: The column that holds the path. None: the first of `PATH_COLUMNS`.
    """

    specific = False

    def __init__(self, root: Path, table: str | None, path_column: str | None) -> None:
        files = Listing(root)
        super().__init__(root)
        self.table = find_table(files, self.name) if table is None else root / table
        self._path_column = path_column
        self._keys = files.require_images()
        self._known = frozenset(self._keys)
        self._named: set[str] = set()

    def _rows(self) -> Iterator[tuple[str, Row]]:
        """Rows, each with the file and line that errors name."""
        for number, row in read_rows(self.table):
            where = f"{self.table}, line {number}"
            self._path_column = path_column(row, where, self._path_column, self.name)
            yield where, row

    def _take(self, row: Row, where: str) -> str:
        """Return the image that a row is about; it has to be one of the dataset's that no other row named."""
        key = image_key(row, str(self._path_column), self._known)
        if key not in self._known:
            raise InputError(f"{where}: a label without an image: {key!r} is not below {self.root}; remove the row")
        if key in self._named:
            raise InputError(f"{where}: {key!r} stands twice; keep one row")
        self._named.add(key)
        return key

    @contextmanager
    def _noting_faults(self) -> Iterator[None]:
        """Keep the block's `InputError` as a fault, as far as there are few (see `require_few`)."""
        try:
            yield
        except InputError as error:
            self.faults.append(str(error))
            require_few(self.faults, len(self._keys), self.table)

    def _finish(self, labeled: Container[str]) -> None:
        """Find the records, and the faults of images that no row names."""
        self.faults += [
            f"{self.root / key}: an image without a label; add its row to {self.table}"
            for key in self._keys
            if key not in self._named
        ]
        self._records = [Record(key, self.root / key, (self.table,) if key in labeled else ()) for key in self._keys]
