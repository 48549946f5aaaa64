"""The command lines that are recorded, from commands.ini, which says how it is written."""

import json
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import NamedTuple

ROOTS = "examples/roots.json"
"""Path of each layout's example by its name, below the folder in which commands run."""
LOOSE = "try"
"""The group whose results depend on the clock."""
NO_GROUPS = frozenset({"words", "methods", "pairs", "methods of pairs"})


class Command(NamedTuple):
    """A command line."""

    name: str
    args: list[str]
    before: tuple[str, str] | None = None
    """Change that happens first, ``remove`` or ``spoil``, and to which file."""
    loose: bool = False
    """Whether only the exit code and the files' names count."""


def _sections() -> dict[str, dict[str, str]]:
    parser = ConfigParser(delimiters=(":",), interpolation=None, default_section="none")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation says: names keep their case
    parser.read(Path(__file__).parent / "commands.ini", encoding="utf-8")
    return {name: dict(parser[name]) for name in parser.sections()}


SECTIONS = _sections()
GROUPS = [name for name in SECTIONS if name not in NO_GROUPS]


def commands_of(group: str, work: Path) -> list[Command]:
    """The commands of a group; ``work`` holds the examples."""
    roots: dict[str, str] = json.loads((work / ROOTS).read_text())
    layouts = [{"name": name, "layout": name, "root": root} for name, root in roots.items()]
    found = []
    for name, line in SECTIONS[group].items():
        each = layouts if "{layout}" in line or "{root}" in line else _trainings() if "{method}" in line else [{}]
        found += [_command(f"{name} {words.get('name', '')}".strip(), line, words, group) for words in each]
    return found


def filled(line: str, words: dict[str, str] | None = None) -> str:
    """A line with its words in their places; words may hold others."""
    while "{" in line:
        line = line.format_map({**SECTIONS["words"], **(words or {})})
    return line


def _command(name: str, line: str, words: dict[str, str], group: str) -> Command:
    action, _, line = filled(line, words).rpartition(" && ")
    verb, _, file = action.partition(" ")
    return Command(name, line.split(), (verb, file) if action else None, group == LOOSE)


def _trainings() -> Iterator[dict[str, str]]:
    for pair, data in SECTIONS["pairs"].items():
        names = SECTIONS["methods of pairs"].get(pair, " ".join(SECTIONS["methods"])).split()
        for method in names:
            flags = SECTIONS["methods"][method]
            yield {"name": f"{pair} {method}", "pair": pair, "data": data, "method": method, "flags": flags}
