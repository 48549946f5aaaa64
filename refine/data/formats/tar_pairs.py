"""Images of a tar that seem to be labels of others: `images/0001.png` and `masks/0001.png`, each a sample by itself."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from refine.data.formats.hints import in_yaml
from refine.data.guess.kinds import Pair, path_says_label
from refine.data.guess.names import core, folder_and_stem, says_label
from refine.data.listing import suffix
from refine.errors import InputError

A_FOLDER = 64
"""Images of each folder that are looked at: labels come by the folder, so more would tell no more."""


def label_among(root: Path, keys: Iterable[str]) -> str | None:
    """What is wrong with images of which some are named as labels of others, and what to do; None if none is.

    Args:
        root: The dataset's folder.
        keys: As `named_label` takes them.
    """
    pair = named_label(keys)
    if pair is None:
        return None
    return (
        f"{root / pair.label}: seems to be the label of {pair.image}, and would pass for a picture; put both into one "
        f"sample (0001.png, 0001.mask.png), or, {_say_so(pair.label)}"
    )


def refuse_label(root: Path, key: str) -> None:
    """Refuse to read a label as a picture, where `label_among` has found some.

    Raises:
        InputError: If the image is named for labels.
    """
    if named_for_labels(key):
        raise InputError(f"{root / key}: seems to be a label, and would pass for a picture; {_say_so(key)}")


def _say_so(key: str) -> str:
    return f"if all of them are pictures, say so {in_yaml('webdataset', 'image: ' + suffix(key).removeprefix('.'))}"


def named_for_labels(key: str) -> bool:
    """Whether an image's name, or that of its tar or of a folder, holds a word for labels."""
    folder, stem = folder_and_stem(key)
    return path_says_label(folder) or says_label(stem)


def named_label(keys: Iterable[str]) -> Pair | None:
    """A label and its image, if most of what is named for labels has an image of the same scene; by names alone.

    Args:
        keys: Images, each by its tar and its name in there, sorted.
    """
    folders: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        if len(found := folders[key.rpartition("/")[0]]) < A_FOLDER:
            found.append(key)
    labels: list[str] = []
    pictures: dict[str, str] = {}
    for found in folders.values():
        for key in found:
            if named_for_labels(key):
                labels.append(key)
            else:
                pictures.setdefault(core(folder_and_stem(key)[1]), key)
    pairs = [Pair(key, pictures[scene]) for key in labels if (scene := core(folder_and_stem(key)[1])) in pictures]
    return pairs[0] if pairs and 2 * len(pairs) >= len(labels) else None
