"""WebDataset shards: tars whose members belong together by name, as in `000001.jpg`, `000001.cls`, `000001.json`.

Source: https://github.com/webdataset/webdataset, "The WebDataset Format": the first dot of a file's own name parts the
sample from the extension, and the members of a sample follow each other; ``.cls`` is a class's number as text.
"""

import json
from collections import defaultdict
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from refine.data.images import is_gray, opened, read_image
from refine.data.label_guard import named_label
from refine.data.layouts.base import LabelSpace, Layout, in_yaml
from refine.data.layouts.object_parts import listed
from refine.data.layouts.tar import TarIndex, TarMember, content, first_names, index_tar, window
from refine.data.listing import IMAGE_SUFFIXES, Listing, named_for_labels, suffix
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import Annotation

NAMES_TO_RECOGNIZE = 64
"""Members of the first shard that `recognize` looks at."""

LABEL_BYTES = 1 << 24
"""A larger label is not read: it is no class."""

CLASS_FIELDS = ("class", "label")
"""What a JSON label's class may be called."""

MOST_CLASSES = 1 << 16

Sample = dict[str, TarMember]
"""The members of one sample by extension."""


class WebDataset(Layout):
    """Images in tars, with a class from ``.cls`` (a number as text) or from ``class`` or ``label`` of ``.json``.

    Everything else in a sample is carried and not read: texts, masks (``seg.png``), boxes in JSON; `recognize` names
    their extensions. The tars are indexed once and read by place; nothing is unpacked.

    Args:
        root: A ``.tar``, or a folder with ``.tar`` files at any depth.
        image: The extension of the members that are images, such as ``jpg`` or ``rgb.png``. None takes the only one
            in each sample that is an image's and nothing else (``jpg``, but not ``seg.jpg``).
        classes: Names of the classes in order. None takes those that stand in the labels, or the numbers themselves.

    Raises:
        InputError: If there is no shard or no image, or a sample has several images and ``image`` does not say which.
            Faults are damaged shards, links and names that lead out, samples without an image or without the class
            that others have, samples whose members lie apart or stand twice, and, unless ``image`` is given, images
            that are named as labels of others (``images/0001.png``, ``masks/0001.png``).
    """

    name = "webdataset"

    def __init__(self, root: Path, image: str | None = None, classes: tuple[str, ...] | None = None) -> None:
        files = Listing(root, file=True)
        super().__init__(files.root)
        self._extension, self._names = None if image is None else image.lower().lstrip("."), classes
        self._images: dict[str, tuple[Path, TarMember]] = {}
        self._labels: dict[str, tuple[str, TarMember]] = {}
        shards = files.by_suffix.get(".tar", [])
        if not shards:
            raise InputError(f"{root}: no .tar here or below (shards that are compressed must be unpacked to .tar)")
        for shard in shards:
            self._add(shard)
        if not self._records:
            raise InputError(
                f"{root}: no sample has an image{' (' + self.faults[0] + ')' if self.faults else ''}; if the images "
                f"have another extension, name it {in_yaml('webdataset', 'image: rgb.png')}"
            )
        self._records.sort(key=lambda record: record.key)
        kinds = {key: kind for key, (kind, _) in self._labels.items()}
        self._classless = dict.fromkeys(record.key for record in self._records if kinds.get(record.key) != "cls")
        if "cls" in kinds.values():
            without = "an image without a label; add its .cls, as others have"
            self.faults += [f"{self.root / key}: {without}" for key in self._classless]
        pair = named_label(self._classless) if image is None else None
        self._guarded = pair is not None
        if pair is not None:
            self.faults.append(
                f"{self.root / pair.label}: seems to be the label of {pair.image}, and would pass for a picture; put "
                f"both into one sample (0001.png, 0001.mask.png), or, {_all_pictures(pair.label)}"
            )

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """Tars, the first of which begins with samples that have images; and no image outside of them."""
        shards = files.by_suffix.get(".tar", [])
        if not shards or files.images or files.by_suffix.keys() & {".hdf5", ".h5", ".mat"}:
            return None
        names = first_names(files.root / shards[0], NAMES_TO_RECOGNIZE)
        image = next(filter(is_image_member, names), None)
        kinds = {found[1] for name in names if (found := sample_of(name))}
        others = sorted(kind for kind in kinds - {"cls", "json"} if f".{kind}" not in IMAGE_SUFFIXES)
        told = f"; carried, not read: {', '.join(others)}" if others else ""
        return None if image is None else f"{shards[0]} holds {image}{told}"

    def _add(self, shard: str) -> None:
        path = self.root / shard
        index = index_tar(path)
        if index.flaw:
            self.faults.append(f"{path}: {index.flaw}; replace the shard")
        samples, faults = _grouped(index)
        self.faults += [f"{path}: {fault}" for fault in faults]
        for name, sample in samples.items():
            extension = self._image_of(path, name, sample)
            if extension is None:
                self.faults.append(f"{path}: {name} has no image, but {', '.join(sample)}; add it or remove the rest")
                continue
            member = sample[extension]
            labels = (path,) if len(sample) > 1 else ()
            record = Record(f"{shard}/{member.name.removeprefix('./')}", path, labels, member.name)
            self._records.append(record)
            self._images[record.key] = path, member
            label = "cls" if "cls" in sample else "json"
            if label in sample:
                self._labels[record.key] = label, sample[label]

    def _image_of(self, path: Path, name: str, sample: Sample) -> str | None:
        if self._extension is not None:
            return self._extension if self._extension in sample else None
        found = [extension for extension in sample if f".{extension}" in IMAGE_SUFFIXES]
        if len(found) > 1:
            raise InputError(
                f"{path}: {name} has {' and '.join(found)}, and one of them is the image; say which "
                + in_yaml("webdataset", f"image: {found[0]}")
            )
        return found[0] if found else None

    @cached_property
    def label_space(self) -> LabelSpace:  # type: ignore[override]  # known when it is asked for: it reads every label
        """The classes; ``none`` where the labels have no class."""
        numbers, words = set(), set()
        for key in self._labels:
            value = None
            with suppress(InputError):  # what is wrong with a label is told when its record is read
                value = self._class(key)
            if value is not None and self._names is not None:
                return LabelSpace("class", self._names)
            if isinstance(value, int):
                numbers.add(value)
            elif value is not None:
                words.add(value)
        if not words and not numbers:
            return LabelSpace("none")
        if words and numbers:
            raise InputError(f"{self.root}: some classes are numbers ({min(numbers)}), some words ({min(words)})")
        return LabelSpace("class", tuple(sorted(words) or map(str, range(max(numbers) + 1))))

    def _class(self, key: str) -> int | str | None:
        path, (extension, member) = self._images[key][0], self._labels[key]
        if member.size > LABEL_BYTES:
            raise InputError(f"{self.root / key}: its label {member.name} has {member.size} bytes; expected a class")
        try:
            return parse_class(content(path, member), extension)
        except ValueError as error:
            where = f"{self.root / key}: its label {member.name}"
            raise InputError(f"{where} cannot be read ({error}); correct it") from error

    def annotation(self, record: Record) -> Annotation:
        """The class, if the sample has one.

        Raises:
            InputError: If the label cannot be read, or its class is none of the names.
        """
        names = self.label_space.names
        value = self._class(record.key) if record.key in self._labels else None
        if record.key not in self._labels or (value is None and not names):
            return Annotation()
        index = value if isinstance(value, int) else names.index(value) if value in names else -1
        if not 0 <= index < len(names):
            raise InputError(
                f"{self.root / record.key}: class {value!r} in {self._labels[record.key][1].name} is none of the "
                f"{len(names)} ({listed(names, 5)}); correct it, or name all "
                + in_yaml("webdataset", "classes: [car, truck]")
            )
        return Annotation(class_id=torch.tensor(index))

    def image(self, record: Record, channels: int) -> Tensor:
        """``(channels, H, W)`` uint8, gray or RGB."""
        with self._opened(record) as file:
            return read_image(self.root / record.key, channels, file)

    def size(self, record: Record) -> tuple[int, int]:
        """Height and width of the image, from its header."""
        with self._opened(record) as file, opened(self.root / record.key, file) as image:
            return image.height, image.width

    def in_color(self, record: Record) -> bool:
        """Whether the image has color, from its header."""
        with self._opened(record) as file, opened(self.root / record.key, file) as image:
            return not is_gray(image.mode)

    def _opened(self, record: Record) -> BinaryIO:
        if self._guarded and record.key in self._classless and named_for_labels(record.key):
            about = f"seems to be a label, and would pass for a picture; {_all_pictures(record.key)}"
            raise InputError(f"{self.root / record.key}: {about}")
        return window(*self._images[record.key])


def _all_pictures(key: str) -> str:
    """What to do about images that are named for labels and are none."""
    return f"if all of them are pictures, say so {in_yaml('webdataset', 'image: ' + suffix(key).removeprefix('.'))}"


def sample_of(name: str) -> tuple[str, str] | None:
    """A member's sample and its extension in lower case, without the dot; None for what belongs to no sample.

    ``a/b.seg.png`` is the ``seg.png`` of ``a/b``, and so is ``./a/b.seg.png``. Hidden files, files without a dot and
    metadata (``__index__``) belong to none.
    """
    name = name.removeprefix("./")
    folder, slash, own = name.rpartition("/")
    stem, dot, extension = own.partition(".")
    first = name.partition("/")[0]
    if not stem or not dot or (len(first) > 4 and first.startswith("__") and first.endswith("__")):
        return None
    return folder + slash + stem, extension.lower()


def is_image_member(name: str) -> bool:
    """Whether a member's last extension is an image's."""
    parts = sample_of(name)
    return parts is not None and f".{parts[1].rpartition('.')[2]}" in IMAGE_SUFFIXES


def _grouped(index: TarIndex) -> tuple[dict[str, Sample], list[str]]:
    """A tar's samples by key, and what is wrong with single members, which are in no sample: each a few words."""
    samples: dict[str, Sample] = defaultdict(dict)
    faults, last = [], None
    for member in index.members:
        if member.flaw:
            faults.append(f"{member.name!r} is not read ({member.flaw}); pack it as a plain file")
            continue
        parts = sample_of(member.name) if member.file else None
        if parts is None:
            continue
        key, extension = parts
        if extension in samples[key]:
            faults.append(f"{member.name} stands twice; keep one")
        elif key != last and samples[key]:
            faults.append(f"{member.name} lies apart from its sample's other members; sort the tar's names")
        samples[key].setdefault(extension, member)
        last = key
    return samples, faults


def parse_class(label: bytes, extension: str) -> int | str | None:
    """The class in a label: a number or a name; None where a JSON holds neither.

    Args:
        label: The whole content.
        extension: ``cls`` (text), or else JSON.

    Raises:
        ValueError: With the reason, if it cannot be read.
    """
    text = label.decode("utf-8")
    if extension == "cls":
        value: int | str | None = text.strip()
        if not value:
            raise ValueError("empty")
    else:
        try:
            stored = json.loads(text)
        except RecursionError as error:
            raise ValueError("nested too deep") from error
        fields = [stored[name] for name in CLASS_FIELDS if name in stored] if isinstance(stored, dict) else []
        value = next((field for field in fields if isinstance(field, int | str) and not isinstance(field, bool)), None)
    if isinstance(value, str) and value.isascii() and value.lstrip("-").isdigit():
        value = int(value)
    if isinstance(value, int) and not 0 <= value < MOST_CLASSES:
        raise ValueError(f"class {value}, expected 0 to {MOST_CLASSES - 1}")
    return value
