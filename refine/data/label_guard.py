"""Is this image a label? Told from names and headers alone, for trees that fit no layout.

Masks and depth lie next to their images or in folders of their own, under names that pair them. A folder is judged as a
whole: single names may be alike by chance.
"""

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from refine.data.images import FORMATS, ImageHeader, read_header
from refine.data.listing import (
    Listing,
    below,
    core,
    extends,
    folder_and_stem,
    named_for_labels,
    path_says_label,
    says_label,
    shared,
)
from refine.files import open_file

FLAT = "flat"
"""Palette and 1-bit images: indices, whatever they are shown with."""

FAIR_SHARE = 0.05
"""Of a folder's images: with fewer partners, a name that happens to extend another is no sign of a label."""
MOST_LABEL_COLORS = 64
TIMES_MORE_COLORS = 4
"""An image has at least this many times the colors of its label map."""
PAIRS_OPENED = 8
IMAGES_A_FOLDER, FOLDERS = 32, 64
"""So many images of so many folders are looked at: labels come by the folder, so more would tell no more."""
NAMES_A_FOLDER = 64
"""The same where only names are looked at."""


class ImageKind(NamedTuple):
    """What of an image decides whether it can be the label of another."""

    pixels: str
    """``color``, ``flat``, ``gray``, or ``deep`` (16 bits and more)."""
    named: bool
    """Whether its name or its folder's says that it is a label."""


class Pair(NamedTuple):
    """An image and what seems to be its label."""

    label: str
    image: str


def label_in(files: Listing) -> Pair | None:
    """An image and what seems to be its label, from the headers of a few images of each folder; None if there is none.

    Args:
        files: The dataset.
    """
    images = set(files.images)
    seen: dict[str, ImageHeader] = {}
    folders = ([below(folder, name) for name in names] for folder, names in files.by_folder.items())
    of_images = filter(None, ([key for key in keys if key in images] for keys in folders))
    for keys in islice(of_images, FOLDERS):
        for key in keys[:IMAGES_A_FOLDER]:
            with suppress(Exception):  # a damaged file is told of when it is read
                seen[key] = read_header(files.root / key)
    return find_pair(files.root, seen)


def find_pair(source: Path, glances: dict[str, ImageHeader]) -> Pair | None:
    """An example of an image and its label, if a folder holds labels by more than chance."""
    return next((pairs[0] for pairs in label_folders(source, glances)), None)


def label_folders(source: Path, glances: dict[str, ImageHeader]) -> Iterator[list[Pair]]:
    """Of each folder that holds labels, these with their images."""
    folders: dict[str, list[str]] = defaultdict(list)
    for key in sorted(glances):
        folders[folder_and_stem(key)[0]].append(key)
    kinds = {key: image_kind(key, glances[key]) for key in glances}
    elsewhere = _index(kinds)
    without: dict[str, list[str]] = {}
    for folder, keys in folders.items():
        pairs = [pair for key in keys if (pair := _pair_elsewhere(key, kinds[key], elsewhere))]
        if 2 * len(pairs) < len(keys):
            pairs = _painted(source, keys, kinds, elsewhere) or pairs_within(source, keys, kinds)
        if pairs:
            yield pairs
        else:
            without[folder] = keys
    yield from _named_folders(source, without, kinds)


def named_label(keys: Iterable[str]) -> Pair | None:
    """A label and its image, if most of what is named for labels has an image of the same scene; by names alone.

    Args:
        keys: Images, sorted.
    """
    folders: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        if len(found := folders[folder_and_stem(key)[0]]) < NAMES_A_FOLDER:
            found.append(key)
    looked_at = [(key, core(folder_and_stem(key)[1])) for found in folders.values() for key in found]
    labels = [(key, scene) for key, scene in looked_at if named_for_labels(key)]
    pictures = {scene: key for key, scene in reversed(looked_at) if not named_for_labels(key)}  # the first of a scene
    pairs = [Pair(key, pictures[scene]) for key, scene in labels if scene in pictures]
    return pairs[0] if pairs and 2 * len(pairs) >= len(labels) else None


def image_kind(key: str, seen: ImageHeader) -> ImageKind:
    """The kind of an image by its key and header."""
    kinds = {"P": FLAT, "PA": FLAT, "1": FLAT, "L": "gray", "LA": "gray"}
    kinds |= dict.fromkeys(("I", "F", "I;16", "I;16B"), "deep")
    return ImageKind(kinds.get(seen.mode, "color"), named_for_labels(key))


def is_label_of(kind: ImageKind, image: ImageKind) -> bool:
    """Whether an image of one kind is, beside one of the other, rather its label than another image."""
    if kind.named != image.named:
        return kind.named
    if image.pixels == "color":
        return kind.pixels != "color"
    return kind.pixels in {FLAT, "deep"} and image.pixels == "gray"


Index = dict[str, dict[ImageKind, list[str]]]
"""By stem and by core: one image of each kind in up to two folders. Enough to find a partner elsewhere."""


def _index(kinds: dict[str, ImageKind]) -> Index:
    index: Index = defaultdict(dict)
    for key, kind in kinds.items():
        folder, stem = folder_and_stem(key)
        for name in {f"={stem}", f"~{core(stem)}"}:
            known = index[name].setdefault(kind, [])
            if len(known) < 2 and all(folder_and_stem(other)[0] != folder for other in known):
                known.append(key)
    return index


def _partners(key: str, index: Index) -> Iterator[tuple[ImageKind, str]]:
    """Images in other folders that belong to the same scene by their names."""
    folder, stem = folder_and_stem(key)
    for name in (f"={stem}", f"~{core(stem)}"):
        for kind, others in index[name].items():
            yield from ((kind, other) for other in others if folder_and_stem(other)[0] != folder)


def _pair_elsewhere(key: str, kind: ImageKind, index: Index) -> Pair | None:
    found = [partner for partner in _partners(key, index) if is_label_of(kind, partner[0])]
    # Of 16 bits, depth could be the label of a mask in 8 as well: what is named for labels comes last.
    return Pair(key, min(found, key=lambda partner: partner[0].named)[1]) if found else None


def _painted(source: Path, keys: list[str], kinds: dict[str, ImageKind], index: Index) -> list[Pair]:
    """Color images that are painted in a few colors beside partners that are not: label maps to look at."""
    partners = {
        key: next((other for kind, other in _partners(key, index) if kind.pixels == "color"), None)
        for key in keys
        if kinds[key].pixels == "color"
    }
    pairs = [Pair(key, other) for key, other in partners.items() if other is not None]
    return pairs if 2 * len(pairs) >= len(keys) and looks_painted(source, pairs) else []


def _named_folders(source: Path, folders: dict[str, list[str]], kinds: dict[str, ImageKind]) -> Iterator[list[Pair]]:
    """Folders named for labels without any picture in them, whatever the names: `masks/00001/0.png`."""
    color = (key for key, kind in kinds.items() if kind.pixels == "color")
    pictures = sorted(key for key in color if not path_says_label(folder_and_stem(key)[0]))
    scenes = {folder_and_stem(key)[1]: key for key in pictures}
    for folder, keys in folders.items():
        if not pictures or not path_says_label(folder):
            continue
        image = next((scenes[part] for part in reversed(folder.split("/")) if part in scenes), None)
        if image is None:
            at = bisect(pictures, keys[0])  # of sorted names, a neighbor shares the most
            image = max(pictures[max(0, at - 1) : at + 1], key=lambda key: shared(key, keys[0]))
        colored = [(key, image) for key in keys if kinds[key].pixels == "color"]
        if not colored or looks_painted(source, colored):
            yield [Pair(key, image) for key in keys]


Stems = dict[str, list[str]]


def pairs_within(source: Path, keys: list[str], kinds: dict[str, ImageKind]) -> list[Pair]:
    """Images of one folder with their labels, `x.png` and `x_labelIds.png`, `1_rgb.png` and `1_mask.png`, or `1.jpg`
    and `1.png`; none if they are too few to be more than chance.

    Args:
        source: The dataset.
        keys: Images of one folder.
        kinds: Kinds of all images.
    """
    stems: Stems = defaultdict(list)
    scenes: Stems = defaultdict(list)
    for key in keys:
        stem = folder_and_stem(key)[1]
        stems[stem].append(key)
        scenes[core(stem)].append(key)
    any_color = any(kinds[key].pixels == "color" for key in keys)
    named = {key for key in keys if says_label(folder_and_stem(key)[1])}
    odd = {key for key in keys if (kinds[key].pixels != "color" if any_color else kinds[key].pixels == FLAT)}
    suspects = [key for key in keys if key in named | odd]
    pairs = [pair for key in suspects if (pair := _beside(key, kinds, stems, scenes))]
    sure = sum(pair.label in named and pair.image not in named for pair in pairs)
    if sure and 2 * sure >= len(named):
        return pairs
    if 2 * len(pairs) >= len(suspects) and _are_many(pairs, keys):
        return pairs
    return _painted_within(source, keys, kinds, stems)


def _are_many(pairs: list[Pair], keys: list[str]) -> bool:
    """Half of the images have a label, or several and a fair share of the folder."""
    images = len(keys) - len(pairs)
    return bool(pairs) and (2 * len(pairs) >= images or len(pairs) >= max(2, FAIR_SHARE * len(keys)))


def _beside(key: str, kinds: dict[str, ImageKind], stems: Stems, scenes: Stems) -> Pair | None:
    scene = core(folder_and_stem(key)[1])
    related = list(_named_alike(key, stems))
    if not any(related) and any(map(str.isdigit, scene)):
        related.append([other for other in scenes[scene] if other != key])
    for others in related:
        images = [other for other in others if is_label_of(kinds[key], kinds[other])]
        if len(images) == 1:
            return Pair(key, images[0])
    return None


def _named_alike(key: str, stems: Stems) -> tuple[list[str], list[str]]:
    """Images of the same stem, and those whose stem this one extends; of several such stems, the longest."""
    stem = folder_and_stem(key)[1]
    prefixes = (stem[:at] for at in range(len(stem) - 1, 0, -1) if stem[at] in "_-. ")
    shorter = next((stems[other] for other in prefixes if other in stems and extends(stem, other)), [])
    return [other for other in stems[stem] if other != key], shorter


def _painted_within(source: Path, keys: list[str], kinds: dict[str, ImageKind], stems: Stems) -> list[Pair]:
    """Pairs of equal mode, as alike as `1.jpg` and `1.png`, of which one is painted in a few colors."""
    ways: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for key in keys:
        same, shorter = _named_alike(key, stems)
        for other in same + shorter:
            if kinds[key].pixels == kinds[other].pixels:
                added = folder_and_stem(key)[1].removeprefix(folder_and_stem(other)[1]) + Path(key).suffix
                ways[added, Path(other).suffix].append(Pair(key, other))
    return next((pairs for pairs in ways.values() if _are_many(pairs, keys) and looks_painted(source, pairs)), [])


def looks_painted(source: Path, pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether of up to 8 pairs, spread over all, more than half are a label map in a few colors and a picture.

    Args:
        source: The dataset.
        pairs: Keys of what may be label maps, each with that of its partner.
    """
    count = min(PAIRS_OPENED, len(pairs))
    chosen = (pairs[number * len(pairs) // count] for number in range(count))
    return 2 * sum(_is_painted(source / label, source / image) for label, image in chosen) > count


def _is_painted(label: Path, image: Path) -> bool:
    if label.suffix.lower() in {".jpg", ".jpeg"}:  # its loss would turn a few colors into many
        return False
    few = _colors(label, MOST_LABEL_COLORS)
    return few is not None and _colors(image, max(MOST_LABEL_COLORS, TIMES_MORE_COLORS * few)) is None


def _colors(path: Path, most: int) -> int | None:
    """Number of distinct colors; None if there are more than ``most``, or the file cannot be read."""
    try:
        with open_file(path) as file, Image.open(file, formats=FORMATS) as picture:
            colors = picture.convert("RGB").getcolors(most)
    except Exception:  # damaged: it will be listed with its reason when it is read
        return None
    return None if colors is None else len(colors)
