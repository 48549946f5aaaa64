"""The guard against refining labels: masks and depth lie beside their images, under names that pair them."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from refine.apply.colors import looks_painted
from refine.apply.files import shown
from refine.apply.glance import Glance
from refine.apply.names import core, extends, folder_and_stem, says_label
from refine.errors import InputError

FLAT = "flat"
"""Palette and 1-bit images: indices, whatever they are shown with."""


class Kind(NamedTuple):
    """What of an image decides whether it can be the label of another."""

    pixels: str
    """``color``, ``flat``, ``gray``, or ``deep`` (16 bits and more)."""
    named: bool
    """Whether its name or its folder's says that it is a label."""


class Pair(NamedTuple):
    """An image and what seems to be its label."""

    label: str
    image: str


def refuse_labels(source: Path, glances: dict[str, Glance]) -> None:
    """Refuse a tree in which images seem to be the labels of others.

    Args:
        source: The dataset.
        glances: Headers of everything that would be refined.

    Raises:
        InputError: Naming a pair and the ways out.
    """
    pair = find_pair(source, glances)
    if pair is None:
        return
    folder, _ = folder_and_stem(pair.image)
    suffix = Path(pair.image).suffix
    apart = folder and folder != folder_and_stem(pair.label)[0]
    example = f"'{folder.split('/')[0]}/**/*{suffix}'" if apart else f"'**/*[0-9]{suffix}'"
    raise InputError(
        f"{source}: {shown(pair.label)} looks like the label of {shown(pair.image)}, and a refined label would be "
        f"wrong. Say which files are images, with --images GLOB (such as --images {example}: the rest is then "
        "carried as it is), or with --layout (--layout images: every image file)"
    )


def find_pair(source: Path, glances: dict[str, Glance]) -> Pair | None:
    """An example of an image and its label, if a folder holds labels by more than chance."""
    folders: dict[str, list[str]] = defaultdict(list)
    for key in sorted(glances):
        folders[folder_and_stem(key)[0]].append(key)
    kinds = {key: _kind(key, glances[key]) for key in glances}
    elsewhere = _index(kinds)
    for folder, keys in folders.items():
        pairs = [pair for key in keys if (pair := _pair_elsewhere(key, folder, kinds[key], elsewhere))]
        if pairs and 2 * len(pairs) >= len(keys):
            return pairs[0]
        if pair := _painted(source, folder, keys, kinds, elsewhere):
            return pair
        if pair := _pair_within(folder, keys, kinds):
            return pair
    return None


def _kind(key: str, seen: Glance) -> Kind:
    folder, stem = folder_and_stem(key)
    named = says_label(stem) or any(says_label(part) for part in folder.split("/"))
    if seen.mode in {"P", "PA", "1"}:
        return Kind(FLAT, named)
    if seen.mode in {"L", "LA"}:
        return Kind("gray", named)
    return Kind("deep" if seen.mode in {"I", "F", "I;16", "I;16B"} else "color", named)


Index = dict[str, dict[Kind, list[str]]]
"""By stem and by core: one image of each kind in up to two folders. Enough to find a partner elsewhere."""


def _index(kinds: dict[str, Kind]) -> Index:
    index: Index = defaultdict(dict)
    for key, kind in kinds.items():
        folder, stem = folder_and_stem(key)
        for name in {f"={stem}", f"~{core(stem)}"}:
            known = index[name].setdefault(kind, [])
            if len(known) < 2 and all(folder_and_stem(other)[0] != folder for other in known):
                known.append(key)
    return index


def _partners(key: str, folder: str, index: Index) -> Iterator[tuple[Kind, str]]:
    """Images in other folders that belong to the same scene by their names."""
    stem = folder_and_stem(key)[1]
    for name in (f"={stem}", f"~{core(stem)}"):
        for kind, others in index[name].items():
            yield from ((kind, other) for other in others if folder_and_stem(other)[0] != folder)


def _pair_elsewhere(key: str, folder: str, kind: Kind, index: Index) -> Pair | None:
    for other_kind, other in _partners(key, folder, index):
        if _is_label_of(kind, other_kind):
            return Pair(key, other)
    return None


def _is_label_of(kind: Kind, image: Kind) -> bool:
    """Whether an image of one kind is, beside one of the other, rather its label than another image."""
    if kind.named and not image.named:
        return True
    if image.named and not kind.named:
        return False
    if image.pixels == "color":
        return kind.pixels != "color"
    return kind.pixels in {FLAT, "deep"} and image.pixels == "gray"


def _painted(source: Path, folder: str, keys: list[str], kinds: dict[str, Kind], index: Index) -> Pair | None:
    """Color images that are painted in a few colors beside partners that are not: label maps to look at."""
    pairs = [
        Pair(key, other)
        for key in keys
        if kinds[key].pixels == "color"
        for other in [next((o for kind, o in _partners(key, folder, index) if kind.pixels == "color"), None)]
        if other is not None
    ]
    if 2 * len(pairs) < len(keys) or not looks_painted(source, pairs):
        return None
    return pairs[0]


def _pair_within(folder: str, keys: list[str], kinds: dict[str, Kind]) -> Pair | None:
    """Labels beside their images in one folder: `x_labelIds.png` and `x.png`, `0001_rgb.png` and `0001_mask.png`."""
    stems = {folder_and_stem(key)[1]: key for key in keys}
    any_color = any(kinds[key].pixels == "color" for key in keys)
    scenes: dict[str, list[str]] = defaultdict(list)
    for stem, key in stems.items():
        scenes[core(stem)].append(key)
    suspects = [key for key in keys if _is_suspect(key, kinds[key], any_color)]
    pairs = [pair for key in suspects if (pair := _beside(key, kinds, stems, scenes))]
    return pairs[0] if pairs and 2 * len(pairs) >= len(suspects) else None


def _is_suspect(key: str, kind: Kind, any_color: bool) -> bool:
    by_pixels = kind.pixels != "color" if any_color else kind.pixels == FLAT
    return by_pixels or says_label(folder_and_stem(key)[1])


def _beside(key: str, kinds: dict[str, Kind], stems: dict[str, str], scenes: dict[str, list[str]]) -> Pair | None:
    stem = folder_and_stem(key)[1]
    shorter = [other for other in _prefixes(stem) if other in stems and extends(stem, other)]
    others = [stems[shorter[0]]] if shorter else scenes[core(stem)] if any(map(str.isdigit, core(stem))) else []
    images = [other for other in others if other != key and _is_label_of(kinds[key], kinds[other])]
    return Pair(key, images[0]) if len(images) == 1 else None


def _prefixes(stem: str) -> list[str]:
    """Beginnings of a stem that end before a separator, the longest first."""
    return [stem[:at] for at in range(len(stem) - 1, 0, -1) if stem[at] in "_-. "]
