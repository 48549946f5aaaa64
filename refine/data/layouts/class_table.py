"""A table beside the images: a relative path and the name or number of a class.

As in Kaggle's competitions, or ``metadata.csv`` of Hugging Face's image folders
(https://huggingface.co/docs/datasets/image_dataset).
"""

from pathlib import Path

import torch

from refine.data.annotation import Annotation
from refine.data.layouts.base import LabelSpace, Layout, in_yaml
from refine.data.layouts.tables import (
    Row,
    TableImages,
    find_table,
    first_row,
    named_column,
    path_column,
    read_rows,
    require_few,
)
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError

CLASS_COLUMNS = ("label", "class", "category")
"""What the column with the class is called, in the order in which it is looked for."""

MANY, TEXT_SHARE = 20, 0.5
"""Rows, and share of different values among them, from which on a column is taken for text."""


class ClassTable(Layout):
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
    specific = False

    def __init__(
        self,
        root: Path,
        table: str | None = None,
        path_column: str | None = None,
        class_column: str | None = None,
        classes: tuple[str, ...] | None = None,
    ) -> None:
        self.root = root
        files = Listing(root)
        images = TableImages(root, find_table(files, table, self.name), files.require_images())
        self.table = images.table
        self.faults = []
        rows = self._read(images, path_column, class_column)
        names = _ordered({text for text, _ in rows.values()}) if classes is None else classes
        self.label_space = LabelSpace("class", names)
        index = {name: number for number, name in enumerate(names)}
        numeric = any(map(_is_whole, names))  # then a number is a name, and never a place
        self._labels: dict[str, int] = {}
        for key, (text, where) in rows.items():
            number = index.get(text) if numeric else index.get(text, _number(text, len(names)))
            if number is None:
                self.faults.append(
                    f"{where}: class {text!r} is none of {', '.join(names)}; correct it, or name all of them "
                    + in_yaml(self.name, "classes: [car, truck]")
                )
            else:
                self._labels[key] = number
        self.faults += images.faults()
        self._records = [Record(key, root / key, (self.table,) if key in self._labels else ()) for key in images.keys]

    def _read(self, images: TableImages, column: str | None, class_column: str | None) -> dict[str, tuple[str, str]]:
        """What each image's row holds, and where it stands."""
        rows: dict[str, tuple[str, str]] = {}
        for number, row in read_rows(self.table):
            where = f"{self.table}, line {number}"
            column = path_column(row, where, column, self.name)
            if class_column is None:
                class_column = _class_column(row)
            if class_column is None or class_column not in row:
                wanted = class_column or " or ".join(CLASS_COLUMNS)
                raise InputError(
                    f"{where}: no column {wanted}; found {', '.join(row)}; name it "
                    + in_yaml(self.name, f"class_column: {list(row)[-1]}")
                )
            try:
                key = images.take(row, column, where)
                rows[key] = _text(row[class_column], f"{where}: {class_column}"), where
            except InputError as error:
                self.faults.append(str(error))
                require_few(self.faults, len(images.keys), self.table)
        return rows

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """One table at the top whose first row names an image below and its class, and is no row of several numbers."""
        found = first_row(files)
        if found is None:
            return None
        table, row, column = found
        class_column = _class_column(row)
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


def _is_text(table: Path, column: str) -> bool:
    """Whether a column holds another value for nearly every image: what an image says, and not what it is of."""
    try:
        values = [str(row.get(column)) for _, row in read_rows(table)]
    except InputError:
        return False
    return len(values) >= MANY and len(set(values)) > TEXT_SHARE * len(values)


def _class_column(row: Row) -> str | None:
    return named_column(row, CLASS_COLUMNS)


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


def _number(text: str, count: int) -> int | None:
    """A class that is written as its number."""
    return int(text) if text.isdecimal() and len(text) < 10 and int(text) < count else None


def _ordered(found: set[str]) -> tuple[str, ...]:
    if all(_is_whole(text) and len(text) < 10 for text in found):
        return tuple(sorted(found, key=lambda text: (int(text), text)))
    return tuple(sorted(found))
