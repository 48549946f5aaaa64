"""Which entry of a file of Unity Perception's lacks which field: words in place of a bare ``KeyError``."""

from typing import Any

Object = dict[str, Any]


class Field(KeyError):
    """A field that an entry lacks, in words."""

    def __str__(self) -> str:
        return str(self.args[0])


def field(row: Object, name: str, place: str) -> Any:
    """A field of an entry.

    Args:
        row: The entry.
        name: The field's name.
        place: Which entry it is, for the message.

    Raises:
        Field: If it is not there. Entries that are no objects raise what they raise.
    """
    if name not in row:
        raise Field(f"{place} lacks the field {name}")
    return row[name]


def said(error: Exception) -> str:
    """An error of parsing in words."""
    if isinstance(error, KeyError):
        return str(error) if isinstance(error, Field) else f"an entry lacks the field {error.args[0]}"
    return repr(error)
