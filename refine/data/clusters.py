"""Which images hang together: those of one recording, one camera, one person."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

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
