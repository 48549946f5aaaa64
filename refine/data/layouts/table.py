"""A table beside the images: a relative path and any number of named float targets."""

import math
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from refine.data.annotation import Annotation
from refine.data.gaze import MIRROR
from refine.data.layouts.base import LabelSpace, Layout, in_yaml
from refine.data.layouts.class_folders import ClassFolders
from refine.data.layouts.tables import Row, TableImages, find_table, first_row, path_column, read_rows, require_few
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError

PEEK = 16
"""Rows that `recognize` reads to find a number."""


class Table(Layout):
    """Gaze angles, poses, distances: a table's row for each image.

    Args:
        root: The dataset's folder; paths in the table are relative to it.
        table: The table's file name inside ``root``: ``.csv`` with a header (of commas, semicolons or tabs; with
            semicolons, numbers may have decimal commas), ``.tsv`` or ``.jsonl``. None takes the only one that there is.
        path_column: The column that holds the path. None: the first of ``path file filename image file_name``.
        targets: The columns to read, in this order. None takes every column but the path and those of text alone, in
            the table's order.
        mirror: What each target is multiplied by when an image is mirrored left to right: 1 or -1 by name. Columns
            that are called ``pitch`` and ``yaw`` need none: 1 and -1. If any other is left out, nobody knows.

    Raises:
        InputError: If there is no image, no table that can be read, or ``mirror`` does not fit the targets. Faults are
            rows without their image, values that are no finite numbers, paths that leave the folder or stand twice,
            and images without a row.
    """

    name = "table"
    specific = False

    def __init__(
        self,
        root: Path,
        table: str | None = None,
        path_column: str | None = None,
        targets: tuple[str, ...] | None = None,
        mirror: dict[str, int] | None = None,
    ) -> None:
        self.root = root
        files = Listing(root)
        images = TableImages(root, find_table(files, table), files.require_images())
        self.table = images.table
        self.faults = []
        self._labels: dict[str, Tensor] = {}
        self._read(images, path_column, targets)
        self.faults += images.faults()
        self.label_space = LabelSpace("targets", self._names, mirror=_signs(self._names, mirror or {}, self.table))
        self._records = [Record(key, root / key, (self.table,) if key in self._labels else ()) for key in images.keys]

    def _read(self, images: TableImages, column: str | None, targets: tuple[str, ...] | None) -> None:
        self._names = targets or ()
        first = list(islice(read_rows(self.table), PEEK))
        if first and not self._names:
            path = path_column(first[0][1], f"{self.table}, line {first[0][0]}", column)
            self._names = _columns_of_numbers([row for _, row in first], path)
        for number, row in read_rows(self.table):
            where = f"{self.table}, line {number}"
            column = path_column(row, where, column)
            self._names = self._names or tuple(name for name in row if name != column)
            try:
                key = images.take(row, column, where)
                values = [_number(row, name, where) for name in self._names]
            except InputError as error:
                self.faults.append(str(error))
                require_few(self.faults, len(images.keys), self.table)
            else:
                self._labels[key] = torch.tensor(values, dtype=torch.float32)

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """One table at the top whose first row names an image below, and not words alone in its first rows."""
        found = first_row(files)
        if found is None:
            return None
        table, row, column = found
        try:
            rows = [row for _, row in islice(read_rows(table), PEEK)]
        except InputError:
            rows = [row]
        values = [value for row in rows for name, value in row.items() if name != column]
        if not any(value is None or value == "" or math.isfinite(_float(value)) for value in values):
            return None  # who took the photos, and the like
        if any(_is_words(name, rows) for name in row if name != column) and ClassFolders.recognize(files):
            return None  # a renderer's log beside its classes: as targets it would be a fault for each image
        numbers = _columns_of_numbers(rows, column)
        words = [name for name in row if name not in {column, *numbers}]
        columns = f"column{'s' if words[1:] else ''} {', '.join(words)}"
        text = f"; its {columns} of text: carried along, and not judged" if words else ""
        return f"{table.name} has a row of {row[column]}{text}"

    def annotation(self, record: Record) -> Annotation:
        """``targets`` in the label space's order, in the table's units."""
        return Annotation(targets=self._labels.get(record.key))


def _signs(names: tuple[str, ...], given: dict[str, int], table: Path) -> tuple[int, ...]:
    wrong = [name for name, sign in given.items() if name not in names or sign not in {1, -1}]
    if wrong:
        raise InputError(
            f"{table}: mirror {', '.join(wrong)}: expected 1 or -1 for columns among {', '.join(names) or 'none'}, "
            + in_yaml("table", f"mirror: {{{next(iter(names), 'yaw')}: -1}}")
        )
    known = MIRROR | given
    return tuple(known[name] for name in names) if all(name in known for name in names) else ()


def _columns_of_numbers(rows: list[Row], path: str) -> tuple[str, ...]:
    """Those of the first row but the path's and those of words."""
    return tuple(name for row in rows[:1] for name in row if name != path and not _is_words(name, rows))


def _float(value: object) -> float:
    """Not a number (NaN) for what is none."""
    try:
        return float(value)  # type: ignore[arg-type]  # whatever the file holds; what does not fit is caught
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _number(row: Row, name: str, where: str) -> float:
    value = row.get(name)
    number = _float(value)
    if not _fits(number):
        others = ", ".join(other for other in row if _fits(_float(row[other]))) or "pitch, yaw"
        raise InputError(
            f"{where}: {name} is {value!r}; expected a finite number; correct it, or name the columns that hold some "
            + in_yaml("table", f"targets: [{others}]")
        )
    return number


def _fits(number: float) -> bool:
    return abs(number) <= torch.finfo(torch.float32).max  # NaN is not


def _is_words(name: str, rows: list[Row]) -> bool:
    values = [row.get(name) for row in rows]
    return all(isinstance(each, str) and math.isnan(_float(each)) and each.strip().lower() != "nan" for each in values)
