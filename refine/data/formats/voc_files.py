"""Which files of a Pascal VOC tree belong to which image, and what its image sets say."""

from collections import defaultdict

from refine.data.formats.text_rows import text_rows
from refine.data.listing import IMAGE_SUFFIXES, Listing, stem, suffix
from refine.errors import InputError

IMAGES, BOXES, SETS = "JPEGImages", "Annotations", "ImageSets"

_SUFFIXES = {
    IMAGES: IMAGE_SUFFIXES,
    BOXES: {".xml"},
    "SegmentationClass": IMAGE_SUFFIXES,
    "SegmentationObject": IMAGE_SUFFIXES,
}
"""What is read in a folder; other files of the same name, such as the arrays of labeling tools, are not."""

ByFolder = dict[str, str]
"""The files of one image by the folder that they are in, or would be: ``{"Annotations": key, ...}``."""


def bases(files: Listing) -> list[str]:
    """The folders that hold ``JPEGImages`` (one a year in a VOCdevkit), with a slash at the end; empty for the root."""
    paths = (f"/{folder}/" for folder in files.by_folder)
    found = {path[1 : path.index(f"/{IMAGES}/") + 1] for path in paths if f"/{IMAGES}/" in path}
    return sorted(base for base in found if f"{base}{BOXES}" in files.by_folder)


def grouped(files: Listing) -> dict[str, ByFolder]:
    """The files of each image by what their paths share: the base and the name without suffix. Sets are left out."""
    found: dict[str, ByFolder] = defaultdict(dict)
    for base in bases(files):
        for key in files.keys:
            if key.startswith(base):
                folder, slash, rest = key[len(base) :].partition("/")
                if slash and folder != SETS and suffix(key) in _SUFFIXES.get(folder, {suffix(key)}):
                    found[base + stem(rest)].setdefault(folder, key)
    return found


def first_beside(files: Listing) -> str | None:
    """An XML file with an image of its name beside it, as labeling tools leave them; None if there is none."""
    images = {stem(key) for key in files.images}
    return next((key for key in files.by_suffix.get(".xml", []) if stem(key) in images), None)


def grouped_beside(files: Listing, split: str | None) -> dict[str, ByFolder]:
    """`grouped` where XML files lie beside the images; what else has an image's name goes by its suffix.

    Raises:
        InputError: If ``split`` is no folder at the top.
    """
    found: dict[str, ByFolder] = {}
    for key in files.keys:
        if split is None or key.startswith(f"{split}/"):
            kind = IMAGES if suffix(key) in IMAGE_SUFFIXES else BOXES if suffix(key) == ".xml" else suffix(key)
            taken = kind in found.get(stem(key), {})  # a.jpg and a.png cannot share a.xml
            found.setdefault(key if taken else stem(key), {})[kind] = key
    if not found:
        tops = sorted({key.partition("/")[0] for key in files.images if "/" in key})
        raise InputError(f"{files.root}: no folder {split}; the folders at the top are {', '.join(tops) or 'none'}")
    return {name: group for name, group in found.items() if group.keys() & {IMAGES, BOXES}}


def in_sets(files: Listing, kind: str, split: str | None) -> set[str]:
    """The images, as `grouped` names them, that a set lists; None takes all sets.

    Args:
        files: The dataset.
        kind: ``Main``, ``Segmentation``, …
        split: ``train``, ``trainval``, …

    Raises:
        InputError: If there is no such set.
    """
    listed: set[str] = set()
    known: list[str] = []
    for base in bases(files):
        folder = f"{base}{SETS}/{kind}"
        for name in files.by_folder.get(folder, []):
            known.append(stem(name))
            if name.endswith(".txt") and split in {None, stem(name)}:
                for _, values in text_rows(files.root / folder / name):
                    flagged = len(values) > 1 and values[-1] in {"-1", "0", "1"}  # whether a class is in the image
                    listed.add(base + " ".join(values[:-1] if flagged else values))
    if split is not None and split not in known:
        shown = ", ".join(sorted(set(known))[:8]) or "none"
        raise InputError(f"{files.root}: no {SETS}/{kind}/{split}.txt; the sets are {shown}")
    return listed


def set_classes(files: Listing) -> tuple[str, ...]:
    """The classes that have sets of their own, ``aeroplane_train.txt`` beside ``train.txt``, sorted."""
    found = set()
    for base in bases(files):
        folder = f"{base}{SETS}/Main"
        names = set(files.by_folder.get(folder, []))
        for name in names:
            label, split = stem(name).rpartition("_")[::2]
            if label and f"{split}.txt" in names and label not in found:
                first = next(text_rows(files.root / folder / name), ("", []))[1]
                if len(first) > 1 and first[-1] in {"-1", "0", "1"}:
                    found.add(label)
    return tuple(sorted(found))
