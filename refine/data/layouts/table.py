"""A table beside the images: a relative path and any number of named float targets, or the name or number of a class.

Classes as in Kaggle's competitions, or ``metadata.csv`` of Hugging Face's image folders
(https://huggingface.co/docs/datasets/image_dataset).
"""

import math
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from refine.data.layouts.base import LabelSpace, in_yaml
from refine.data.layouts.folders import ClassFolders
from refine.data.layouts.tables import Row, TableLayout, first_row, named_column, read_rows
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import Annotation
from refine.labels.gaze import MIRROR
from refine.labels.targets import cyclic_names, on_circle

ROWS_TO_RECOGNIZE = 16
"""Rows that `Table.recognize` reads to find a number."""

CLASS_COLUMNS = ("label", "class", "category")
"""Names of the column with the class, in the order in which they are looked for."""

PERIODS = 1e-6, 1e9
"""Shortest and longest period of a cyclic target: beyond them its cosine and sine say nothing."""

TEXT_ROWS, TEXT_SHARE = 20, 0.5
"""Rows, and share of different values among them, from which on a column is taken for text."""


class Table(TableLayout):
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
        periods: After how much a target begins anew, by name: ``{value: 10}`` for a drum that shows 0 to 9.9. Such a
            target becomes two, its cosine and its sine (see `refine.labels.targets`).

    Raises:
        InputError: If there is no image, no table that can be read, or ``mirror`` or ``periods`` does not fit the
            targets. Faults are rows without their image, values that are no finite numbers, paths that leave the
            folder or stand twice, and images without a row.
    """

    name = "table"

    def __init__(
        self,
        root: Path,
        table: str | None = None,
        path_column: str | None = None,
        targets: tuple[str, ...] | None = None,
        mirror: dict[str, int] | None = None,
        periods: dict[str, float] | None = None,
    ) -> None:
        super().__init__(root, table, path_column)
        self._labels: dict[str, Tensor] = {}
        names = targets or ()
        if not names:
            rows = [row for _, row in islice(self._rows(), ROWS_TO_RECOGNIZE)]
            names = _columns_of_numbers(rows, str(self._path_column))
        for where, row in self._rows():
            names = names or tuple(name for name in row if name != self._path_column)
            with self._noting_faults():
                key = self._take(row, where)
                values = [_number(row, name, where) for name in names]
                self._labels[key] = torch.tensor(values, dtype=torch.float32)
        self._finish(self._labels)
        signs = _signs(names, mirror or {}, self.table)
        for name, period in _periods(names, periods or {}, self.table).items():
            place = names.index(name)
            for key, label in self._labels.items():
                parts = on_circle(label[place].double(), period).float()
                self._labels[key] = torch.cat([label[:place], parts, label[place + 1 :]])
            names = (*names[:place], *cyclic_names(name, period), *names[place + 1 :])
            signs = (*signs[:place], 1, *signs[place:]) if signs else ()
        self.label_space = LabelSpace("targets", names, mirror=signs)

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """One table at the top whose first row names an image below, and not words alone in its first rows."""
        found = first_row(files)
        if found is None:
            return None
        table, row, column = found
        try:
            rows = [row for _, row in islice(read_rows(table), ROWS_TO_RECOGNIZE)]
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


class ClassTable(TableLayout):
    """The class of each image in a table's row, as text or as a whole number.

    Args:
        root: The dataset's folder; paths in the table are relative to it.
        table: The table's file name inside ``root``: ``.csv`` with a header (of commas, semicolons or tabs), ``.tsv``
            or ``.jsonl``. None takes the only one that there is.
        path_column: The column that holds the path. None: the first of ``path file filename image file_name``.
        class_column: The column that holds the class. None: ``label``, or ``class``, ``category``.
        classes: Class names in the order of their numbers. A row holds one of the names or, where none of them is a
            number itself, a number. None numbers what the rows hold: by value if all are whole numbers, else by name.
            Give it where two datasets must agree on the numbers.

    Raises:
        InputError: If there is no image, or no table with these columns that can be read. Faults are rows without their
            image, without a class or of an unknown one, paths that leave the folder or stand twice, and images without
            a row.
    """

    name = "class-table"

    def __init__(
        self,
        root: Path,
        table: str | None = None,
        path_column: str | None = None,
        class_column: str | None = None,
        classes: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(root, table, path_column)
        rows: dict[str, tuple[str, str]] = {}
        for where, row in self._rows():
            if class_column is None:
                class_column = named_column(row, CLASS_COLUMNS)
            if class_column is None or class_column not in row:
                wanted = class_column or " or ".join(CLASS_COLUMNS)
                raise InputError(
                    f"{where}: no column {wanted}; found {', '.join(row)}; name it "
                    + in_yaml(self.name, f"class_column: {list(row)[-1]}")
                )
            with self._noting_faults():
                key = self._take(row, where)
                rows[key] = _text(row[class_column], f"{where}: {class_column}"), where
        names = _ordered({text for text, _ in rows.values()}) if classes is None else classes
        self.label_space = LabelSpace("class", names)
        index = {name: number for number, name in enumerate(names)}
        numeric = any(map(_is_whole, names))  # then a number is a name, and never a place
        self._labels: dict[str, int] = {}
        for key, (text, where) in rows.items():
            place = index.get(text) if numeric else index.get(text, _place(text, len(names)))
            if place is None:
                self.faults.append(
                    f"{where}: class {text!r} is none of {', '.join(names)}; correct it, or name all of them "
                    + in_yaml(self.name, "classes: [car, truck]")
                )
            else:
                self._labels[key] = place
        self._finish(self._labels)

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """One table at the top whose first row names an image below and its class, and is no row of several numbers."""
        found = first_row(files)
        if found is None:
            return None
        table, row, column = found
        class_column = named_column(row, CLASS_COLUMNS)
        if class_column is None:
            return None
        try:
            text = _text(row[class_column], "")
        except InputError:
            return None
        if _is_text(table, class_column):
            return None
        others = [name for name in row if name not in {column, class_column}]
        if _is_number(text) and (not _is_whole(text) or (others and all(_is_number(row[name]) for name in others))):
            return None
        return f"{table.name} has a row of {row[column]} with {class_column} {text}"

    def annotation(self, record: Record) -> Annotation:
        """The class's number; nothing for an image that no row gives one."""
        number = self._labels.get(record.key)
        return Annotation(class_id=None if number is None else torch.tensor(number))


def _signs(names: tuple[str, ...], given: dict[str, int], table: Path) -> tuple[int, ...]:
    wrong = [name for name, sign in given.items() if name not in names or sign not in {1, -1}]
    if wrong:
        raise InputError(
            f"{table}: mirror {', '.join(wrong)}: expected 1 or -1 for columns among {', '.join(names) or 'none'}, "
            + in_yaml("table", f"mirror: {{{next(iter(names), 'yaw')}: -1}}")
        )
    known = MIRROR | given
    return tuple(known[name] for name in names) if all(name in known for name in names) else ()


def _periods(names: tuple[str, ...], given: dict[str, float], table: Path) -> dict[str, float]:
    low, high = PERIODS
    wrong = [name for name, period in given.items() if name not in names or not low <= _float(period) <= high]
    if wrong:
        example = in_yaml("table", f"periods: {{{next(iter(names), 'value')}: 10}}")
        expected = f"expected a number from {low:g} to {high:g} for columns among {', '.join(names) or 'none'}"
        raise InputError(f"{table}: periods {', '.join(wrong)}: {expected}, {example}")
    return {name: float(period) for name, period in given.items()}


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
        others = ", ".join(other for other in row if _fits(_float(row[other])))
        cure = f", or name the columns that hold some {in_yaml('table', f'targets: [{others}]')}" if others else ""
        raise InputError(f"{where}: {name} is {value!r}; expected a finite number; correct it{cure}")
    return number


def _fits(number: float) -> bool:
    return abs(number) <= torch.finfo(torch.float32).max  # NaN is not


def _is_words(name: str, rows: list[Row]) -> bool:
    values = [row.get(name) for row in rows]
    return all(isinstance(each, str) and math.isnan(_float(each)) and each.strip().lower() != "nan" for each in values)


def _is_text(table: Path, column: str) -> bool:
    """Whether a column holds another value for nearly every image: what an image says, and not what it is of."""
    try:
        values = [str(row.get(column)) for _, row in read_rows(table)]
    except InputError:
        return False
    return len(values) >= TEXT_ROWS and len(set(values)) > TEXT_SHARE * len(values)


def _text(value: object, where: str) -> str:
    text = str(value).strip() if isinstance(value, str | int) else ""
    if not text:
        raise InputError(f"{where} is {value!r}; expected the name or the number of a class")
    return text


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]  # whatever the file holds; what does not fit is caught
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _place(text: str, count: int) -> int | None:
    """Number of a class that is written as its number; None if there is no such class."""
    return int(text) if text.isdecimal() and len(text) < 10 and int(text) < count else None


def _ordered(found: set[str]) -> tuple[str, ...]:
    if all(_is_whole(text) and len(text) < 10 for text in found):
        return tuple(sorted(found, key=lambda text: (int(text), text)))
    return tuple(sorted(found))
