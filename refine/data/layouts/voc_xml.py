"""One XML file of Pascal VOC: the image's size, and its objects as tensors."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import torch
from torchvision.tv_tensors import Mask

from refine.data.images import image_size
from refine.data.layouts.base import in_yaml
from refine.data.layouts.object_parts import boxes_of, listed, numbers, require_stated_size
from refine.errors import InputError
from refine.files import open_file, read_file, why
from refine.labels import Objects

HEAD_BYTES = 1 << 12
"""Bytes within which the first tag stands."""
NAMES_SHOWN = 20


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
            return re.search(rb"<annotation[\s>]", file.read(HEAD_BYTES)) is not None
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


def read_voc_objects(
    path: Path, image: Path, classes: Mapping[str, int], first_pixel: int, instances: Mask | None
) -> Objects:
    """Boxes and classes, with a mask of each where ``instances`` numbers no more things than there are objects.

    Args:
        path: The XML file.
        image: The image that it belongs to.
        classes: Class indices by name.
        first_pixel: Where boxes start to count: 1 or 0.
        instances: ``(H, W)``: the number of each pixel's object, in the order of the file.

    Raises:
        InputError: If the file is damaged or of another size, a class is unknown or a box is outside.
    """
    found = read_voc_xml(path)
    size = image_size(image) if found.size is None else require_stated_size(found.size, str(path), image)
    masks = None
    if instances is not None and int(instances.max()) <= len(found.objects):
        order = torch.arange(1, len(found.objects) + 1)
        masks = Mask(instances.as_subclass(torch.Tensor)[None] == order[:, None, None])
    boxes = boxes_of([_box(thing, size, first_pixel) for thing in found.objects], size)
    for thing in found.objects:
        if thing.name not in classes:
            raise InputError(
                f"{thing.where}: no class of this name among {listed(tuple(classes), NAMES_SHOWN)}; name all of them "
                + in_yaml("voc", "classes: [car, truck]")
            )
    indices = torch.tensor([classes[thing.name] for thing in found.objects], dtype=torch.int64)
    return Objects(boxes=boxes, classes=indices, masks=masks)


def _box(thing: VocObject, size: tuple[int, int], first_pixel: int) -> tuple[float, float, float, float]:
    left, top, right, bottom = thing.box
    left, top = left - first_pixel, top - first_pixel
    if not (0 <= left <= right <= size[1] and 0 <= top <= bottom <= size[0]):
        from_0 = f", or say that they count from 0 {in_yaml('voc', 'first_pixel: 0')}" if first_pixel else ""
        raise InputError(
            f"{thing.where}: xmin, ymin, xmax, ymax {', '.join(f'{side:g}' for side in thing.box)} are outside of "
            f"an image of {size[1]}x{size[0]} (width x height) whose pixels count from {first_pixel}; correct them"
            + from_0
        )
    return left, top, right, bottom
