"""Differences between two records, and their first places."""

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.golden.record import Entry

NONE = "(none)"
WIDTH = 150
"""Characters of a line that are shown."""


class Difference(NamedTuple):
    """One thing that two runs of a command do not share."""

    group: str
    command: str
    what: str
    """Its exit code, a stream, or a file it wrote."""
    where: str
    """Place of the first difference in it."""
    old: str
    new: str


def differences(group: str, old: Mapping[str, Entry], new: Mapping[str, Entry]) -> list[Difference]:
    """All that differs in a group, in the order of its commands."""
    found = []
    for name in {**old, **new}:
        if name not in old or name not in new:
            found.append(Difference(group, name, "command", "", *(_there(name in each) for each in (old, new))))
            continue
        first, second = old[name], new[name]
        if first["code"] != second["code"]:
            found.append(Difference(group, name, "exit code", "", str(first["code"]), str(second["code"])))
        parts = itertools.chain(
            [("output", first["output"], second["output"]), ("errors", first["errors"], second["errors"])],
            ((f"file {key}", *pair) for key, *pair in paired(first["files"], second["files"])),
        )
        found += [
            Difference(group, name, what, *first_difference(*pair)) for what, *pair in parts if pair[0] != pair[1]
        ]
    return found


def paired(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Each key with what both say of it."""
    for key in sorted(old.keys() | new.keys()):
        yield key, old.get(key, NONE), new.get(key, NONE)


def first_difference(old: str, new: str) -> tuple[str, str, str]:
    """The place where two texts begin to differ, with what stands there: a path in JSON, or a line's number."""
    try:
        found = next(_in_json(json.loads(old), json.loads(new), ""), None)
    except ValueError:
        found = None
    if found is not None:
        return found
    for number, (first, second) in enumerate(itertools.zip_longest(old.split("\n"), new.split("\n")), start=1):
        if first != second:
            return f"line {number}", *_cut(NONE if first is None else first, NONE if second is None else second)
    return "", old, new


def _in_json(old: Any, new: Any, place: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            yield from _in_json(old.get(key, NONE), new.get(key, NONE), f"{place}.{key}")
    elif isinstance(old, list) and isinstance(new, list):
        for number, (first, second) in enumerate(itertools.zip_longest(old, new, fillvalue=NONE)):
            yield from _in_json(first, second, f"{place}[{number}]")
    elif old != new or type(old) is not type(new):
        yield place or ".", *_cut(json.dumps(old), json.dumps(new))


def _cut(old: str, new: str) -> tuple[str, str]:
    """Both from a little before they begin to differ."""
    start = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, start - WIDTH // 3) if max(len(old), len(new)) > WIDTH else 0
    first, second = (("…" if start else "") + text[start : start + WIDTH] for text in (old, new))
    return first, second


def _there(whether: bool) -> str:
    return "there" if whether else NONE


def show(found: list[Difference]) -> str:
    """A table: a row for each difference, with the old and the new value below."""
    rows: list[str] = []
    for group, commands in itertools.groupby(found, key=lambda each: each.group):
        for command, each in itertools.groupby(commands, key=lambda each: each.command):
            rows.append(f"{group}: {command}")
            for one in each:
                rows += [
                    f"    {one.what}{f', {one.where}' if one.where else ''}",
                    f"      - {one.old}",
                    f"      + {one.new}",
                ]
    return "\n".join(rows)
