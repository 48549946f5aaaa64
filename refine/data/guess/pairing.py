"""Images and their labels in one tree: masks and depth lie beside their images, under names that pair them."""

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from refine.data.glance import Glance
from refine.data.guess.beside import pairs_within
from refine.data.guess.colors import looks_painted
from refine.data.guess.kinds import Kind, Pair, is_label_of, kind_of, path_says_label
from refine.data.guess.names import core, folder_and_stem, shared


def find_pair(source: Path, glances: dict[str, Glance]) -> Pair | None:
    """An example of an image and its label, if a folder holds labels by more than chance."""
    return next((pairs[0] for pairs in label_folders(source, glances)), None)


def label_folders(source: Path, glances: dict[str, Glance]) -> Iterator[list[Pair]]:
    """Of each folder that holds labels, these with their images."""
    folders: dict[str, list[str]] = defaultdict(list)
    for key in sorted(glances):
        folders[folder_and_stem(key)[0]].append(key)
    kinds = {key: kind_of(key, glances[key]) for key in glances}
    elsewhere = _index(kinds)
    without: dict[str, list[str]] = {}
    for folder, keys in folders.items():
        pairs = [pair for key in keys if (pair := _pair_elsewhere(key, folder, kinds[key], elsewhere))]
        if 2 * len(pairs) < len(keys):
            pairs = _painted(source, folder, keys, kinds, elsewhere) or pairs_within(source, keys, kinds)
        if pairs:
            yield pairs
        else:
            without[folder] = keys
    yield from _named_folders(source, without, kinds)


def _named_folders(source: Path, folders: dict[str, list[str]], kinds: dict[str, Kind]) -> Iterator[list[Pair]]:
    """Folders named for labels without any picture in them, whatever the names: `masks/00001/0.png`."""
    pictures = sorted(key for key, kind in kinds.items() if kind.pixels == "color" and not _lies_in_labels(key))
    scenes = {folder_and_stem(key)[1]: key for key in pictures}
    for folder, keys in folders.items():
        if not pictures or not path_says_label(folder):
            continue
        image = _nearest(folder, keys[0], pictures, scenes)
        colored = [(key, image) for key in keys if kinds[key].pixels == "color"]
        if not colored or looks_painted(source, colored):
            yield [Pair(key, image) for key in keys]


def _nearest(folder: str, label: str, pictures: list[str], scenes: dict[str, str]) -> str:
    """The picture that one of the folders is named after, or else one that lies close."""
    for part in reversed(folder.split("/")):
        if part in scenes:
            return scenes[part]
    at = bisect(pictures, label)  # of sorted names, a neighbor shares the most
    return max(pictures[max(0, at - 1) : at + 1], key=lambda key: shared(key, label))


def _lies_in_labels(key: str) -> bool:
    return path_says_label(folder_and_stem(key)[0])


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
    found = [partner for partner in _partners(key, folder, index) if is_label_of(kind, partner[0])]
    # Of 16 bits, depth could be the label of a mask in 8 as well: what is named for labels comes last.
    return Pair(key, min(found, key=lambda partner: partner[0].named)[1]) if found else None


def _painted(source: Path, folder: str, keys: list[str], kinds: dict[str, Kind], index: Index) -> list[Pair]:
    """Color images that are painted in a few colors beside partners that are not: label maps to look at."""
    pairs = [
        Pair(key, other)
        for key in keys
        if kinds[key].pixels == "color"
        for other in [next((o for kind, o in _partners(key, folder, index) if kind.pixels == "color"), None)]
        if other is not None
    ]
    if 2 * len(pairs) < len(keys) or not looks_painted(source, pairs):
        return []
    return pairs
