"""Members of a tar as samples, by WebDataset's naming.

Source: https://github.com/webdataset/webdataset, "The WebDataset Format": the first dot of a file's own name parts the
sample from the extension, and the members of a sample follow each other.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from refine.data.formats.tar_index import Member, TarIndex
from refine.data.listing import IMAGE_SUFFIXES

CLASS_FIELDS = ("class", "label")
"""What a JSON label's class may be called."""

MOST_CLASSES = 1 << 16

Sample = dict[str, Member]
"""The members of one sample by extension."""


class Samples(NamedTuple):
    """A shard's samples by key, and what is wrong with single members: each a few words."""

    samples: dict[str, Sample]
    faults: list[str]


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


def carried(names: Iterable[str]) -> list[str]:
    """The extensions, sorted, of members that are neither an image nor a label that may hold a class."""
    found = {parts[1] for name in names if (parts := sample_of(name))}
    return sorted(kind for kind in found if f".{kind}" not in IMAGE_SUFFIXES and kind not in {"cls", "json"})


def group(index: TarIndex) -> Samples:
    """The samples of a tar. Members with a flaw are faults and in no sample."""
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
    return Samples(samples, faults)


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
            value = _class_field(json.loads(text))
        except RecursionError as error:
            raise ValueError("nested too deep") from error
    if isinstance(value, str) and value.isascii() and value.lstrip("-").isdigit():
        value = int(value)
    if isinstance(value, int) and not 0 <= value < MOST_CLASSES:
        raise ValueError(f"class {value}, expected 0 to {MOST_CLASSES - 1}")
    return value


def _class_field(value: object) -> int | str | None:
    fields = [value[name] for name in CLASS_FIELDS if name in value] if isinstance(value, dict) else []
    return next((field for field in fields if isinstance(field, int | str) and not isinstance(field, bool)), None)
