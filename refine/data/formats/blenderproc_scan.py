"""What all of a dataset's BlenderProc containers say together: which categories there are, and what is amiss."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from refine.data.formats.blenderproc_maps import CLASSES, category_ids, has_categories, objects_in
from refine.data.formats.hdf5 import ColorImage, color_images, opened_hdf5
from refine.data.label_table import Entry, LabelTable
from refine.errors import InputError
from refine.labels import IGNORE


class Scanned(NamedTuple):
    """What all containers say together."""

    classes: bool
    """Whether any has them."""
    names: dict[int, set[str]]
    """Of the objects of each category."""
    faults: list[str]


def scan(paths: list[Path], members: tuple[str, ...], named: bool) -> Scanned:
    """Open every container, and read what is said of the categories, not the pixels.

    Args:
        paths: The containers.
        members: The pictures that each should hold.
        named: Whether to collect the categories' names; where a container has none, its ids are read from its maps.
    """
    names: dict[int, set[str]] = defaultdict(set)
    faults, without, classes = [], [], False
    for path in paths:
        try:
            with opened_hdf5(path) as file:
                images = color_images(file)
                if tuple(image.member for image in images) != members:
                    held = ", ".join(image.member for image in images)
                    faults.append(f"{path}: holds {held}, others {', '.join(members)}; keep both apart")
                elif not any(has_categories(file, image) for image in images):
                    without.append(path)
                else:
                    classes = True
                    for category, name in _categories(file, images) if named else ():
                        names[category].add(name)
        except InputError as error:
            faults.append(str(error))
    if classes:
        faults += [f"{path}: an image without a label; write it with {CLASSES[0]}, or remove it" for path in without]
    return Scanned(classes, names, sorted(faults))


def _categories(file: Any, images: list[ColorImage]) -> list[tuple[int, str]]:
    """Category and name of each object in a container; of one that names none, the categories alone."""
    objects = objects_in(file)
    if objects:
        return [(category, re.sub(r"\.\d{3}$", "", name)) for category, name in objects.values()]
    planes = [ids for image in images if (ids := category_ids(file, image)) is not None]
    return [(int(category), "") for ids in planes for category in np.unique(ids)]


def table_of(names: dict[int, set[str]], root: Path) -> LabelTable:
    """A table of the categories that were found, by id.

    Raises:
        InputError: If there are too many for a mask, or their ids are out of range.
    """
    wrong = [category for category in names if not 0 <= category < 1 << 16]
    if wrong or len(names) > IGNORE:
        raise InputError(
            f"{root}: {len(names)} categories up to {max(names)}; give a table of at most {IGNORE} ids from 0 to 65535"
        )
    alone = {category: next(iter(found)) if len(found) == 1 else "" for category, found in names.items()}
    taken = list(alone.values())
    entries = []
    for category in sorted(names):
        own = alone[category] if taken.count(alone[category]) == 1 and alone[category] else f"category {category}"
        entries.append(Entry(category, own if category else "background", (0, 0, 0), False))
    return LabelTable("the containers", tuple(entries))
