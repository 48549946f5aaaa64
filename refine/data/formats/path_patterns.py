"""Patterns such as ``rgb/{stem}.jpg``: where images lie, and where their labels."""

from pathlib import PurePosixPath
from typing import NamedTuple

from refine.data.listing import IMAGE_SUFFIXES, stem, suffix
from refine.errors import InputError

STEM = "{stem}"
ANY = ".*"
"""At a pattern's end: any suffix of images."""


class PathPattern(NamedTuple):
    """A path with a part that is left open; it may hold slashes."""

    before: str
    after: str
    any_suffix: bool

    @property
    def weight(self) -> int:
        """How many of its letters are fixed."""
        return len(self.before) + len(self.after)

    def stem(self, key: str) -> str | None:
        """What stands in the open part; None for a path that does not match."""
        if self.any_suffix:
            if suffix(key) not in IMAGE_SUFFIXES:
                return None
            key = stem(key)
        fits = key.startswith(self.before) and key.endswith(self.after) and len(key) > self.weight
        return key[len(self.before) : len(key) - len(self.after)] if fits else None

    def path(self, stem: str) -> str:
        """The path with its open part filled in."""
        return f"{self.before}{stem}{self.after}{ANY if self.any_suffix else ''}"


def path_pattern(text: str) -> PathPattern:
    """A pattern from its text.

    Raises:
        InputError: If it does not hold ``{stem}`` once, is absolute or leaves the dataset.
    """
    before, found, after = text.partition(STEM)
    if not found or STEM in after or text.startswith("/") or ".." in PurePosixPath(text).parts:
        raise InputError(f"pattern {text!r}: expected a path in the dataset with one {STEM}, such as 'rgb/{STEM}.png'")
    before = before.removeprefix("./")
    return PathPattern(before, after.removesuffix(ANY), after.endswith(ANY))
