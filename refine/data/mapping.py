"""From one dataset's classes to another's: data files, and a layout that speaks the other's language."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.tv_tensors import Mask

from refine.data.label_table import TABLES, load_table, table_names
from refine.data.layouts.base import Layout
from refine.data.samples import Record
from refine.errors import InputError
from refine.files import cut
from refine.labels import IGNORE, KINDS, Annotation, LabelSpace
from refine.yaml_text import read_yaml


class Mapping(NamedTuple):
    """Class names of one dataset to those of another."""

    name: str
    names: tuple[str, ...]
    """The classes that there are afterwards, by index."""
    colors: tuple[tuple[int, int, int], ...]
    classes: dict[str, str | None]
    """Name before: name after. A class that is not in it, or None here, becomes nothing: 255 in masks, dropped among
    objects."""


def mapping_names() -> list[str]:
    """Names of the mappings that ship, sorted."""
    return sorted(file.stem for file in TABLES.glob("*-to-*.yaml"))


def load_mapping(name: str) -> Mapping:
    """A mapping by its name in ``refine/data/label_spaces``, or from a user's own YAML file.

    The file holds ``to``: the name of a table there or a list of class names, and ``classes``: name before: name after
    (null: nothing on purpose). It may hold ``from``, the name of a table: then every name before has to be one of its.

    Raises:
        InputError: If there is none of this name, it cannot be read, or it names a class that is not in ``to`` or
            ``from``.
    """
    if not isinstance(name, str):  # an option in a stranger's file
        raise InputError(f"mapping is {cut(repr(name))}; expected a name or a YAML file")
    own = name.endswith((".yaml", ".yml"))
    path = Path(name) if own else TABLES / f"{name}.yaml"
    if own and not path.is_file():
        raise InputError(f"mapping {name}: no such file; it is a YAML file with `to` and `classes`")
    if not own and name not in mapping_names():
        raise InputError(
            f"mapping {name}: none of those that ship ({', '.join(mapping_names())}); name one, or a .yaml file"
        )
    content = read_yaml(path)
    to, classes, source = content.get("to"), content.get("classes"), content.get("from")
    if not isinstance(to, str | list) or not isinstance(classes, dict) or not isinstance(source, str | None):
        raise InputError(
            f"{path}: expected `to` (a table's name or a list of classes), `classes` (before: after), and perhaps "
            f"`from` (a table's name); the tables are {', '.join(table_names())}"
        )
    space = load_table(to).space() if isinstance(to, str) else LabelSpace("mask", tuple(map(str, to)))
    if not 0 < len(space.names) <= IGNORE or len(set(space.names)) < len(space.names):
        raise InputError(f"{path}: expected 1 to {IGNORE} different classes in `to`, found {', '.join(space.names)}")
    pairs = {str(before): None if after is None else str(after) for before, after in classes.items()}
    wrong = sorted({after for after in pairs.values() if after is not None} - set(space.names))
    if wrong:
        raise InputError(f"{path}: maps to {', '.join(wrong)}, but the classes are {', '.join(space.names)}")
    if source is not None:
        there = [entry.name for entry in load_table(source).entries]
        _require_known(str(path), pairs.keys() - set(there), source, there)
    return Mapping(path.stem, space.names, space.colors, pairs)


def _require_known(mapping: str, unknown: Iterable[str], place: str, there: Iterable[str]) -> None:
    if names := sorted(unknown):
        raise InputError(
            f"{mapping}: maps from {', '.join(names)}, but the classes of {place} are {', '.join(there)}; "
            "correct the names, or take them out"
        )


class Mapped(Layout):
    """A layout whose classes are another's. What the mapping leaves out is counted.

    Args:
        layout: The dataset, with masks or objects.
        mapping: From its classes.

    Raises:
        InputError: If its labels have no classes of pixels or objects, or the mapping names others than it has.
    """

    def __init__(self, layout: Layout, mapping: Mapping) -> None:
        self.layout, self.mapping = layout, mapping
        self.root, self.faults = layout.root, layout.faults
        self.name, self.why = layout.name, layout.why
        space = layout.label_space
        if not (space.is_labeled and KINDS[space.kind].has_places):
            raise InputError(f"{layout.root}: has {space.kind} labels; a mapping is for classes of masks or objects")
        self.kind = KINDS[space.kind]
        used = {before for before, after in mapping.classes.items() if after is not None}  # void may stand as null
        _require_known(f"mapping {mapping.name}", used - set(space.names), str(layout.root), space.names)
        self.label_space = space._replace(names=mapping.names, colors=mapping.colors)
        after = {name: index for index, name in enumerate(mapping.names)}
        wanted = [after.get(mapping.classes.get(name) or "", IGNORE) for name in space.names]
        self._lookup = torch.full((max(IGNORE, len(wanted)) + 1,), IGNORE, dtype=torch.int64)  # masks hold 255
        self._lookup[: len(wanted)] = torch.tensor(wanted)
        self.unmapped: Counter[str] = Counter()
        """Pixels, or objects, by their class before, of every label that was read so far."""
        self.read = 0
        """All pixels or objects that were read so far."""

    def records(self) -> list[Record]:
        """Those of the dataset."""
        return self.layout.records()

    def image(self, record: Record, channels: int) -> Tensor:
        """As the dataset reads it."""
        return self.layout.image(record, channels)

    def size(self, record: Record) -> tuple[int, int]:
        """As the dataset reads it."""
        return self.layout.size(record)

    def in_color(self, record: Record) -> bool:
        """As the dataset reads it."""
        return self.layout.in_color(record)

    def annotation(self, record: Record) -> Annotation:
        """The dataset's, with the other classes."""
        found = self.layout.annotation(record)
        mask, objects = found.mask, found.objects
        if mask is not None:
            self._count(mask[mask != IGNORE], mask.numel())
            plain = mask.as_subclass(Tensor)
            mask = Mask(torch.where(plain == IGNORE, IGNORE, self._lookup[plain]))
        if objects is not None:
            if not self.kind.per_pixel:
                self._count(objects.classes, len(objects))
            classes = self._lookup[objects.classes]
            objects = replace(objects, classes=classes).where(classes != IGNORE)
        return replace(found, mask=mask, objects=objects)

    def _count(self, classes: Tensor, read: int) -> None:
        self.read += read
        for index, count in enumerate(torch.bincount(classes.as_subclass(Tensor).flatten()).tolist()):
            if count and self._lookup[index] == IGNORE:
                self.unmapped[self.layout.label_space.names[index]] += count

    def summary(self) -> str:
        """Say in a line what was left out of the labels that were read so far."""
        left = sum(self.unmapped.values())
        share = 100 * left / self.read if self.read else 0.0
        names = ", ".join(name for name, _ in self.unmapped.most_common(5))
        return f"{self.mapping.name}: {share:.1f} % of {self.kind.counted} have no class there" + (
            f" ({names})" if names else ""
        )
