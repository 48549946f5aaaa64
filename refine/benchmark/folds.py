"""The blocks that cross-validation cuts a recording into."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePosixPath


def blocks(keys: Sequence[str], folds: int, groups: Sequence[str] | None = None) -> list[list[int]]:
    """Cut a recording into contiguous blocks of nearly equal size.

    Neighbors in a recording look alike: a random split would put a frame's twins into training. So the order
    is that of the file names, numbers in them read as numbers, whatever folder (class) a file lies in.

    Args:
        keys: Relative paths.
        folds: How many blocks; no more than there are keys, or groups.
        groups: Of each key, where groups are to stay whole; they come in the order of their first keys, and the blocks
            are as equal as that allows.

    Returns:
        Indices into ``keys``, block by block; each index once.
    """
    order = sorted(range(len(keys)), key=lambda index: _place(keys[index]))
    if groups is None:
        return [order[start:end] for start, end in pairwise(_bounds(len(order), folds))]
    members: dict[str, list[int]] = {}
    for index in order:
        members.setdefault(groups[index], []).append(index)
    whole, ends = list(members.values()), [0]
    for group in whole:
        ends.append(ends[-1] + len(group))
    cuts = [0]
    for fold, wanted in enumerate(_bounds(len(order), folds)[1:-1], start=1):
        # Each block has a group at least, and leaves one for each block after it.
        possible = range(cuts[-1] + 1, len(whole) - (folds - fold) + 1)
        cuts.append(min(possible, key=lambda number: abs(ends[number] - wanted)))
    return [[index for group in whole[start:end] for index in group] for start, end in pairwise([*cuts, len(whole)])]


def _bounds(count: int, folds: int) -> list[int]:
    return [count * fold // folds for fold in range(folds + 1)]


def _place(key: str) -> tuple[list[tuple[int, str]], str]:
    parts = re.findall(r"\d+|\D+", PurePosixPath(key).stem)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], key
