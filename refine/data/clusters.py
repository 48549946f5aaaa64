"""Which images hang together: those of one recording, one camera, one person, or neighbors in a recording."""

import re
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path, PurePosixPath

from refine.data.layouts.tables import read_rows
from refine.errors import InputError
from refine.files import shown


def load_clusters(spec: str | None, keys: Sequence[str]) -> list[str]:
    """The cluster of each image.

    Args:
        spec: A CSV file with the columns ``key`` and ``group``; or a regular expression that is searched for in each
            key: its first group is the cluster, or all that it matches. None: every image is its own.
        keys: Paths of the images relative to their dataset.

    Returns:
        A name for each key.

    Raises:
        InputError: If the file cannot be read, the expression is none, one of the keys has no cluster, or all of them
            have the same.
    """
    if spec is None:
        return list(keys)
    file = Path(spec)
    cluster_of: Callable[[str], str | None]
    if spec.lower().endswith(".csv") or file.is_file():
        cluster_of = _read_table(file).get
        lacks, cure = f"{file}: no group for", "keys are paths relative to the dataset"
    else:
        cluster_of = _parse_pattern(spec)
        lacks, cure = f"--groups {spec}: does not match", "match every image"
    found = [cluster for cluster in map(cluster_of, keys) if cluster is not None]
    if len(found) < len(keys):
        missing = [key for key in keys if cluster_of(key) is None]
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise InputError(f"{lacks} {shown(missing[0])}{more}; {cure}")
    if len(keys) > 1 and len(set(found)) < 2:
        raise InputError(
            f"--groups {spec}: all {len(keys)} images are of one group, {shown(found[0])}; nothing can be said of "
            "others from one: give finer groups, or leave --groups out"
        )
    return found


def _read_table(file: Path) -> dict[str, str]:
    if not file.is_file():
        raise InputError(f"--groups {file}: no such file; expected a CSV file with the columns key and group")
    table: dict[str, str] = {}
    for number, row in read_rows(file):
        key, group = row.get("key"), row.get("group")
        if not isinstance(key, str) or not isinstance(group, str):
            columns = ", ".join(str(name) for name in row)
            raise InputError(f"{file}, line {number}: expected the columns key and group, found {columns}")
        if table.setdefault(key, group) != group:
            raise InputError(f"{file}, line {number}: {shown(key)} has two groups, {table[key]} and {group}")
    return table


def _parse_pattern(pattern: str) -> Callable[[str], str | None]:
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise InputError(
            f"--groups {pattern}: neither a CSV file nor a regular expression ({error}); try '^[^_]+'"
        ) from error

    def cluster_of(key: str) -> str | None:
        match = search(key)
        # A first group that took no part in the match is no cluster of its own: all of the match is.
        return match and (match[1] if match.re.groups and match[1] is not None else match[0])

    return cluster_of


def blocks(keys: Sequence[str], folds: int, groups: Sequence[str] | None = None) -> list[list[int]]:
    """Cut a recording into contiguous blocks of nearly equal size.

    Neighbors in a recording look alike: a random split would put a frame's twins into training. So the order
    is that of the file names, numbers in them read as numbers, whatever folder (class) a file lies in.

    Args:
        keys: Relative paths.
        folds: Number of blocks; no more than there are keys, or groups.
        groups: Group of each key, where groups are to stay whole; they come in the order of their first keys, and the
            blocks are as equal as that allows.

    Returns:
        Indices into ``keys``, block by block; each index once.
    """
    order = sorted(range(len(keys)), key=lambda index: _place(keys[index]))
    wanted = [len(order) * fold // folds for fold in range(folds + 1)]
    if groups is None:
        return [order[start:end] for start, end in pairwise(wanted)]
    members: dict[str, list[int]] = {}
    for index in order:
        members.setdefault(groups[index], []).append(index)
    whole = list(members.values())
    ends, cuts = list(accumulate(map(len, whole), initial=0)), [0]
    for fold in range(1, folds):
        # Each block has a group at least, and leaves one for each block after it.
        possible = range(cuts[-1] + 1, len(whole) - (folds - fold) + 1)
        cuts.append(min(possible, key=lambda number: abs(ends[number] - wanted[fold])))
    return [[index for group in whole[start:end] for index in group] for start, end in pairwise([*cuts, len(whole)])]


def _place(key: str) -> tuple[list[tuple[int, str]], str]:
    parts = re.findall(r"\d+|\D+", PurePosixPath(key).stem)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], key
