"""YAML files, of the user or from strangers."""

from pathlib import Path
from typing import Any

import yaml

from refine.errors import InputError
from refine.files import read_file

MOST_BYTES = 1 << 22
"""More is no table and no list of options: other YAML files may lie in a dataset."""


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping.

    Raises:
        InputError: If it is not there, holds something else, is too large for a table or a list of options, or has
            values that stand for others (``*name``).
    """
    try:
        text = read_file(path).decode()
        if len(text) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES >> 20} MiB")
        content = yaml.load(text, _WrittenOut)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:  # ValueError: no UTF-8, or no such date
        raise InputError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a YAML mapping, found {type(content).__name__}")
    return content


class _WrittenOut(yaml.SafeLoader):
    """Without aliases: a few lines of lists that stand for lists that stand for lists grow to gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has an alias, *name; write out what it stands for")
        return super().compose_node(parent, index)
