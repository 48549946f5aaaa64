"""Which images hang together: those of one recording, one camera, one person."""

import re
from collections.abc import Sequence
from pathlib import Path

from refine.data.layouts.tables import read_rows
from refine.errors import InputError
from refine.files import shown

COLUMNS = ("key", "group")


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
    found = _from_table(file, keys) if spec.lower().endswith(".csv") or file.is_file() else _by_pattern(spec, keys)
    if len(keys) > 1 and len(set(found)) < 2:
        raise InputError(
            f"--groups {spec}: all {len(keys)} images are of one group, {shown(found[0])}; nothing can be said of "
            "others from one: give finer groups, or leave --groups out"
        )
    return found


def _from_table(file: Path, keys: Sequence[str]) -> list[str]:
    if not file.is_file():
        raise InputError(f"--groups {file}: no such file; expected a CSV file with the columns key and group")
    table: dict[str, str] = {}
    for number, row in read_rows(file):
        if any(not isinstance(row.get(name), str) for name in COLUMNS):
            columns = ", ".join(str(name) for name in row)
            raise InputError(f"{file}, line {number}: expected the columns key and group, found {columns}")
        key, group = str(row["key"]), str(row["group"])
        if table.setdefault(key, group) != group:
            raise InputError(f"{file}, line {number}: {shown(key)} has two groups, {table[key]} and {group}")
    missing = [key for key in keys if key not in table]
    if missing:
        raise InputError(
            f"{file}: no group for {shown(missing[0])}{_more(missing)}; keys are paths relative to the dataset"
        )
    return [table[key] for key in keys]


def _by_pattern(pattern: str, keys: Sequence[str]) -> list[str]:
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise InputError(
            f"--groups {pattern}: neither a CSV file nor a regular expression ({error}); try '^[^_]+'"
        ) from error
    matches = [search(key) for key in keys]
    missing = [key for key, match in zip(keys, matches, strict=True) if match is None]
    if missing:
        raise InputError(f"--groups {pattern}: does not match {shown(missing[0])}{_more(missing)}; match every image")
    # A first group that took no part in the match is no cluster of its own: all of the match is.
    return [match[1] if match.re.groups and match[1] is not None else match[0] for match in matches if match]


def _more(missing: Sequence[str]) -> str:
    return f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
