"""A glob that leads out of a refusal: it takes the images and leaves the labels, or it is not given."""

import re
from collections.abc import Collection, Iterator
from glob import escape
from pathlib import Path

from refine.apply.select import selection
from refine.data.label_guard import Pair
from refine.data.label_names import folder_and_stem, shared

_HEAD = re.compile(r"[^\W\d_]+[_\-. ]*(?=\d)")
_SEPARATORS = "_-. "


def image_glob(source: Path, pair: Pair, keys: Collection[str], labels: set[str]) -> str | None:
    """What to give as ``--images``.

    Args:
        source: The dataset.
        pair: An image and its label.
        keys: All images.
        labels: Those of ``keys`` that seem to be labels.

    Returns:
        A glob that takes the pair's image and none of the labels; None if none was found.
    """
    for glob in _candidates(pair):
        selected = selection(source, glob, None).selected
        if glob.isprintable() and selected(pair.image) and not any(selected(key) for key in labels & set(keys)):
            return glob
    return None


def _candidates(pair: Pair) -> Iterator[str]:
    folder, stem = folder_and_stem(pair.image)
    suffix = escape(Path(pair.image).suffix)
    for name in _names(stem, folder_and_stem(pair.label)[1]):
        yield from (f"{place}{name}{suffix}" for place in _places(folder))


def _places(folder: str) -> list[str]:
    """From the widest: the folder at the top, folders of this name anywhere, this folder."""
    if not folder:
        return [""]
    parts = [escape(part) for part in folder.split("/")]
    wide = [f"{parts[0]}/**/"]
    return wide if len(parts) == 1 else [*wide, f"**/{parts[-1]}/**/", f"{'/'.join(parts)}/**/"]


def _names(stem: str, label: str) -> Iterator[str]:
    yield "*"
    at = shared(stem, label)
    at = max((place for place in range(min(at + 1, len(stem))) if stem[place] in _SEPARATORS), default=at)
    if 0 < at < len(stem):
        yield f"*{escape(stem[at:])}"
    if head := _HEAD.match(stem):
        yield f"{escape(head[0])}*"
    if stem[-1:].isdigit():
        yield "*[0-9]"
