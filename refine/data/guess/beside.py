"""Labels in the same folder as their images: `x_labelIds.png` and `x.png`, `1_mask.png` and `1_rgb.png`, or `1.jpg`."""

from collections import defaultdict
from pathlib import Path

from refine.data.guess.colors import looks_painted
from refine.data.guess.kinds import FLAT, Kind, Pair, is_label_of
from refine.data.guess.names import core, extends, folder_and_stem, says_label

SHARE = 0.05
"""Of a folder's images: with fewer partners, a name that happens to extend another is no sign of a label."""

Stems = dict[str, list[str]]


def pairs_within(source: Path, keys: list[str], kinds: dict[str, Kind]) -> list[Pair]:
    """Images of one folder with their labels; none if they are too few to be more than chance.

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
    suspects = [key for key in keys if _is_named(key) or _is_odd(kinds[key], any_color)]
    pairs = [pair for key in suspects if (pair := _beside(key, kinds, stems, scenes))]
    named = [pair for pair in pairs if _is_named(pair.label) and not _is_named(pair.image)]
    if named and 2 * len(named) >= sum(map(_is_named, suspects)):
        return pairs
    if 2 * len(pairs) >= len(suspects) and _are_many(pairs, keys):
        return pairs
    return _painted_within(source, keys, kinds, stems)


def _is_named(key: str) -> bool:
    return says_label(folder_and_stem(key)[1])


def _is_odd(kind: Kind, any_color: bool) -> bool:
    return kind.pixels != "color" if any_color else kind.pixels == FLAT


def _are_many(pairs: list[Pair], keys: list[str]) -> bool:
    """Half of the images have a label, or several and a fair share of the folder."""
    images = len(keys) - len(pairs)
    return bool(pairs) and (2 * len(pairs) >= images or len(pairs) >= max(2, SHARE * len(keys)))


def _beside(key: str, kinds: dict[str, Kind], stems: Stems, scenes: Stems) -> Pair | None:
    stem = folder_and_stem(key)[1]
    related = [_same_stem(key, stems), _shorter(stem, stems)]
    if not any(related) and any(map(str.isdigit, core(stem))):
        related.append([other for other in scenes[core(stem)] if other != key])
    for others in related:
        images = [other for other in others if is_label_of(kinds[key], kinds[other])]
        if len(images) == 1:
            return Pair(key, images[0])
    return None


def _same_stem(key: str, stems: Stems) -> list[str]:
    return [other for other in stems[folder_and_stem(key)[1]] if other != key]


def _shorter(stem: str, stems: Stems) -> list[str]:
    """Images whose stem this one extends; of several such stems, the longest."""
    return next((stems[other] for other in _prefixes(stem) if other in stems and extends(stem, other)), [])


def _prefixes(stem: str) -> list[str]:
    """Beginnings of a stem that end before a separator, the longest first."""
    return [stem[:at] for at in range(len(stem) - 1, 0, -1) if stem[at] in "_-. "]


def _painted_within(source: Path, keys: list[str], kinds: dict[str, Kind], stems: Stems) -> list[Pair]:
    """Pairs of equal mode, as alike as `1.jpg` and `1.png`, of which one is painted in a few colors."""
    ways: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for key in keys:
        stem = folder_and_stem(key)[1]
        for other in [*_same_stem(key, stems), *_shorter(stem, stems)]:
            if kinds[key].pixels == kinds[other].pixels:
                added = stem.removeprefix(folder_and_stem(other)[1]) + Path(key).suffix
                ways[added, Path(other).suffix].append(Pair(key, other))
    for pairs in ways.values():
        if _are_many(pairs, keys) and looks_painted(source, pairs):
            return pairs
    return []
