"""JSON files of hundreds of megabytes, an element at a time: nothing is kept but what the caller keeps."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from refine.errors import InputError
from refine.files import UnsuitableFile, max_file_size, more_than, open_file, why

_SPACES = " \t\n\r"
_WINDOW = 1 << 22
_MARK = 16
"""Characters of what JSON cannot read in parts: the longest is an escaped pair, ``\\ud83d\\ude00``."""


class Element(NamedTuple):
    """One element of an array that stands at the top of the file."""

    array: str
    value: Any
    start: int
    """Its first byte in the file, for `read_elements`."""
    end: int
    """The byte after its last one."""


def elements(path: Path, arrays: frozenset[str]) -> Iterator[Element]:
    """The elements of some of a file's top-level arrays, in the file's order.

    Args:
        path: A UTF-8 JSON file whose top is an object.
        arrays: The names that are wanted. Those that are missing, or are no arrays, give nothing.

    Raises:
        InputError: If the file cannot be read, or is not such a JSON file to its end.
    """
    try:
        with open_file(path) as file:
            yield from _walk(_Reader(file), arrays)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON to its end ({why(error)}); replace it") from error


def read_elements(path: Path, places: list[tuple[int, int]]) -> list[Any]:
    """The values that stand between these bytes, as `elements` found them.

    Raises:
        InputError: If the file is another one by now.
    """
    try:
        values = []
        with open_file(path) as file:
            for start, end in places:
                file.seek(start)
                values.append(json.loads(file.read(end - start)))
        return values
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: changed after it was opened ({why(error)}); start again") from error


class _Reader:
    """A file that is read a window at a time, with one character for each byte, so that places are those of bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._passed = 0
        self._most = max_file_size()
        self._decode = json.JSONDecoder().raw_decode
        self._more()
        if self._text.startswith("\xef\xbb\xbf"):  # a byte order mark
            self._at = 3

    @property
    def place(self) -> int:
        """The byte that comes next."""
        return self._passed + self._at

    def next(self) -> str:
        """The next character that is no space, which stays; empty at the end."""
        while True:
            found = self._text[self._at : self._at + 1]
            if found and found not in _SPACES:
                return found
            if found:
                self._at += 1
            elif not self._more():
                return ""

    def take(self, marks: str) -> str:
        """The next character, which has to be one of these."""
        found = self.next()
        if not found or found not in marks:
            raise ValueError(f"expected {' or '.join(marks)} at byte {self.place}, found {found or 'its end'}")
        self._at += 1
        return found

    def value(self) -> Any:
        """The next value, whole; it may be longer than the window."""
        self.next()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # Only at its end, or in a string that has none, is a text cut off rather than damaged
                cut = len(self._text[error.pos :].rstrip()) < _MARK or error.msg.startswith("Unterminated")
                if cut and self._more():
                    continue
                raise ValueError(f"{error.msg} at byte {self._passed + error.pos}") from error
            if end == len(self._text) and self._more():  # a number may go on
                continue
            if not self._text.isascii():
                value = json.loads(self._text[self._at : end].encode("latin-1"))
            self._at = end
            return value

    def _more(self) -> bool:
        """Let go of what was taken and add as much again as is left, or a window; whether there was anything."""
        left = self._text[self._at :]
        if len(left) > self._most:
            raise UnsuitableFile(f"the value at byte {self.place} has {more_than(self._most)}")
        added = self._file.read(max(_WINDOW, len(left)))
        if not added:
            return False
        self._text, self._passed, self._at = left + added.decode("latin-1"), self.place, 0
        return True


def _walk(reader: _Reader, arrays: frozenset[str]) -> Iterator[Element]:
    reader.take("{")
    while reader.next() != "}":
        name = reader.value()
        reader.take(":")
        if name not in arrays or reader.next() != "[":
            reader.value()
        else:
            reader.take("[")
            while reader.next() != "]":
                start = reader.place
                yield Element(name, reader.value(), start, reader.place)
                if reader.next() != "]":
                    reader.take(",")
            reader.take("]")
        if reader.next() != "}":
            reader.take(",")
