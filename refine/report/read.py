"""JSON that another command wrote, one checked field at a time: a page of wrong figures is worse than none."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from refine.errors import InputError
from refine.files import cut, read_json, shown

DEEPEST = 100
"""Levels of objects in objects; what commands write has fewer than ten."""

Word = TypeVar("Word", bound=str)


@dataclass(frozen=True)
class Node:
    """One value in a JSON document, which knows its place in it.

    Attributes:
        value: As `json` parsed it.
        file: What the document is called in errors.
        cure: What to do if the document is wrong.
        place: Names from the top to here, with dots.
    """

    value: object
    file: str
    cure: str
    place: str = ""

    def wrong(self, expected: str) -> InputError:
        """The error that says what was found here instead."""
        found = "nothing" if self.value is None else shown(repr(self.value)[:60])
        where = f"{self.file}: {self.place}" if self.place else self.file
        return InputError(f"{where}: expected {expected}, found {found}; {self.cure}")

    def items(self) -> Iterator[tuple[str, "Node"]]:
        """Every field of an object, in the document's order."""
        if not isinstance(self.value, Mapping):
            raise self.wrong("an object")
        if self.place.count(".") > DEEPEST:  # whoever follows it further needs a frame for each level
            raise InputError(f"{self.file}: {cut(self.place)}: more than {DEEPEST} levels; {self.cure}")
        for name, value in self.value.items():
            place = f"{self.place}.{shown(str(name))}" if self.place else shown(str(name))
            yield str(name), Node(value, self.file, self.cure, place)

    def optional(self, name: str) -> "Node | None":
        """A field, or None where it is missing or null."""
        node = dict(self.items()).get(name)
        return None if node is None or node.value is None else node

    def need(self, name: str) -> "Node":
        """A field that must be there."""
        found = self.optional(name)
        if found is None:
            raise Node(None, self.file, self.cure, f"{self.place}.{name}" if self.place else name).wrong("a value")
        return found

    def number(self) -> float:
        """A finite number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not math.isfinite(self.value):
            raise self.wrong("a finite number")
        return float(self.value)

    def share(self) -> float:
        """A number from 0 to 1."""
        number = self.number()
        if not 0 <= number <= 1:
            raise self.wrong("a number from 0 to 1")
        return number

    def count(self) -> int:
        """A whole number from 0 on."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 0:
            raise self.wrong("a whole number from 0 on")
        return self.value

    def truth(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def one_of(self, words: Sequence[Word]) -> Word:
        """One of these words."""
        for word in words:
            if self.value == word:
                return word
        raise self.wrong(" or ".join(words))

    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            raise self.wrong("text")
        return self.value

    def elements(self) -> list["Node"]:
        """The elements of a list."""
        if not isinstance(self.value, list | tuple):
            raise self.wrong("a list")
        return [Node(value, self.file, self.cure, f"{self.place}[{index}]") for index, value in enumerate(self.value)]

    def interval(self) -> tuple[float, float]:
        """Two numbers, the lower one first."""
        numbers = [node.number() for node in self.elements()]
        if len(numbers) != 2 or numbers[0] > numbers[1]:
            raise self.wrong("[low, high]")
        return numbers[0], numbers[1]

    def flat(self) -> list[tuple[str, str]]:
        """Every value below here as text, with its dotted name: a table for people."""
        if isinstance(self.value, Mapping) and self.value:
            return [row for _, node in self.items() for row in node.flat()]
        plain = isinstance(self.value, str | int | float)
        return [(self.place, shown(str(self.value) if plain else json.dumps(self.value, default=str)))]


def read_node(path: Path, cure: str) -> Node:
    """A JSON file's top.

    Args:
        path: The file.
        cure: What to do where it is missing or damaged.

    Raises:
        InputError: If it cannot be read, or is no JSON object.
    """
    node = Node(read_json(path, cure), str(path), cure)
    if not isinstance(node.value, dict):
        raise node.wrong("a JSON object")
    return node
