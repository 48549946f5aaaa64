"""One XML file of Pascal VOC: the image's size and its objects."""

import re
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from refine.data.formats.text_rows import numbers
from refine.errors import InputError
from refine.files import open_file, read_file, why

PEEK = 1 << 12
"""Bytes within which the first tag stands."""


class VocObject(NamedTuple):
    """One ``object``. Its parts (head, hand, foot), pose, ``truncated`` and ``difficult`` stay in the file."""

    where: str
    """Stands before messages: the file and the object."""
    name: str
    box: tuple[float, float, float, float]
    """xmin, ymin, xmax, ymax as they stand."""


class VocFile(NamedTuple):
    """What an XML says of its image."""

    size: tuple[int, int] | None
    """Height and width."""
    objects: tuple[VocObject, ...]


class _NoDoctype(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refuse it: with it come entities, and a small file can grow to gigabytes."""
        raise ValueError(f"has a DOCTYPE ({name}), which VOC's files do not")


def read_voc_xml(path: Path) -> VocFile:
    """Read it.

    Raises:
        InputError: If it is no such XML, or an object has no name or no box of finite numbers.
    """
    top = _parsed(path)
    size = top.find("size")
    stated = None
    if size is not None:
        height, width = numbers([size.findtext(side, "") for side in ("height", "width")], f"{path}, size")
        stated = int(height), int(width)
    return VocFile(stated, tuple(_object(found, index, path) for index, found in enumerate(top.findall("object"), 1)))


def class_names(path: Path) -> set[str]:
    """What its objects are called; nothing of a file that cannot be read: reading it says why."""
    try:
        return {name for found in _parsed(path).iterfind("object") if (name := found.findtext("name", "").strip())}
    except InputError:
        return set()


def begins_as_voc(path: Path) -> bool:
    """Whether a file begins as labeling tools write them, and not as another tool's XML."""
    try:
        with open_file(path) as file:
            return re.search(rb"<annotation[\s>]", file.read(PEEK)) is not None
    except OSError:
        return False


def _parsed(path: Path) -> ElementTree.Element:
    try:
        top = ElementTree.fromstring(read_file(path), ElementTree.XMLParser(target=_NoDoctype()))
        if top.tag != "annotation":
            raise ValueError(f"its first tag is {top.tag!r:.80} and not 'annotation'")
        return top
    except (OSError, ValueError, LookupError, ElementTree.ParseError) as error:  # LookupError: no such encoding
        raise InputError(f"{path}: cannot be read as XML of VOC ({why(error)}); replace it") from error


def _object(found: ElementTree.Element, index: int, path: Path) -> VocObject:
    name = found.findtext("name", "").strip()
    where = f"{path}, object {index} ({name or 'without a name'})"
    box = found.find("bndbox")
    if not name or box is None:
        raise InputError(f"{where}: expected a name and a bndbox; add them or remove the object")
    left, top, right, bottom = numbers([box.findtext(side, "") for side in ("xmin", "ymin", "xmax", "ymax")], where)
    return VocObject(where, name, (left, top, right, bottom))
