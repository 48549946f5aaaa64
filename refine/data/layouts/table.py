"""A CSV or JSON-lines table beside the images: a relative path and any number of named float targets."""

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from refine.data.images import list_images
from refine.data.layouts.base import LabelSpace, Layout
from refine.data.samples import Record
from refine.errors import InputError
from refine.files import MANIFEST

Row = dict[str, object]


class Table(Layout):
    """Gaze angles, poses, distances: a table's row for each image.

    Args:
        root: The dataset's folder; paths in the table are relative to it.
        table: The table's file name inside ``root``: ``.csv`` with a header, or ``.jsonl``. None takes the
            only one that there is.
        path_column: The column that holds the path.
        targets: The columns to read, in this order. None takes every column but the path, in the table's order.

    Raises:
        InputError: If the table or a column is missing, a value is not a finite number, a path leaves the
            folder or stands twice, an image has no row or a row no image.
    """

    def __init__(
        self,
        root: Path,
        table: str | None = None,
        path_column: str = "path",
        targets: tuple[str, ...] | None = None,
    ) -> None:
        self.root = root
        images = {path.relative_to(root).as_posix(): path for path in list_images(root)}
        self.table = root / table if table else _only_table(root)
        self._labels: dict[str, Tensor] = {}
        names = targets
        for number, row in _rows(self.table):
            where = f"{self.table}, line {number}"
            if path_column not in row:
                raise InputError(f"{where}: no column {path_column!r}; found {', '.join(row)}")
            key = str(row[path_column])
            names = names or tuple(name for name in row if name != path_column)
            if key not in images:
                raise InputError(f"{where}: a label without an image: {key!r} is not below {root}")
            if key in self._labels:
                raise InputError(f"{where}: {key!r} stands twice; keep one row")
            self._labels[key] = torch.tensor([_number(row, name, where) for name in names], dtype=torch.float32)
        missing = sorted(images.keys() - self._labels.keys())
        if missing:
            raise InputError(f"{root / missing[0]}: an image without a label; add its row to {self.table}")
        self.label_space = LabelSpace("targets", names or ())
        self._records = [Record(key, images[key], (self.table,)) for key in sorted(images)]

    def records(self) -> list[Record]:
        """All records, sorted by key."""
        return self._records

    def label(self, record: Record) -> Tensor:
        """``(K,)`` float32: the targets in the label space's order, in the table's units."""
        return self._labels[record.key]


def _only_table(root: Path) -> Path:
    tables = sorted(
        path for path in root.iterdir() if path.suffix.lower() in {".csv", ".jsonl"} and path.name != MANIFEST
    )
    if len(tables) != 1:
        found = ", ".join(path.name for path in tables) or "none"
        raise InputError(f"{root}: expected one .csv or .jsonl table of labels, found {found}; name it")
    return tables[0]


def _rows(table: Path) -> Iterator[tuple[int, Row]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            if table.suffix.lower() == ".csv":
                for row in (reader := csv.DictReader(file)):
                    yield reader.line_num, {str(name): value for name, value in row.items()}
            else:
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        yield number, _json_object(line, f"{table}, line {number}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table}: cannot be read as a table ({error})") from error


def _json_object(line: str, where: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"{where}: not JSON ({error})") from error
    if not isinstance(row, dict):
        raise InputError(f"{where}: expected an object with the path and its targets, found {type(row).__name__}")
    return row


def _number(row: Row, name: str, where: str) -> float:
    value = row.get(name)
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever the file holds; what does not fit is caught
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where}: {name} is {value!r}; expected a finite number")
    return number
