"""YAML from strangers as plain values: depth, size and numbers are bounded before anything is constructed."""

from pathlib import Path
from typing import Any

import yaml

from refine.errors import InputError
from refine.files import read_file

try:  # ten times as fast, where PyYAML was built with it
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]  # the same interface

MOST_BYTES = 1 << 20
"""Largest text: no table of classes and no list of options comes near it."""
MOST_DEPTH = 32
"""Deepest nesting of lists and mappings."""
MOST_NODES = 100_000
"""Most values, keys included."""
LONGEST_NUMBER = 100
"""Characters of a number: Python's integers take time and memory that grow faster than their digits."""

NUMERIC = frozenset("0123456789abcdefABCDEFxo_.:+-")
"""Characters of numbers in every base."""

ALIAS = "it has an alias, *name, or an anchor, &name; write out what it stands for"

IMPLICIT = ("null", "bool", "int", "float")
"""Types of a scalar without quotes other than text. A date stays text."""


class _Loader(SafeLoader):
    """YAML 1.1 without dates and merge keys."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rsplit(":", 1)[-1] in IMPLICIT]
    for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(text: str) -> Any:
    """Return the one document in a text: lists, dictionaries, strings, numbers, booleans and None.

    Args:
        text: YAML 1.1 without aliases, anchors, merge keys and tags.

    Raises:
        ValueError: If it is not YAML, has one of these, or is too large or nested too deeply. The message is one line.
    """
    require_plain_yaml(text)
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds.

    Raises:
        InputError: If it is not there, holds something else, or is more than `parse_yaml` takes.
    """
    try:
        content = parse_yaml(read_file(path).decode())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a YAML mapping, found {type(content).__name__}")
    return content


def require_plain_yaml(text: str) -> None:
    """Hold a text against the bounds, for another loader.

    Raises:
        ValueError: As `parse_yaml`.
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES >> 20} MiB")
    depth = nodes = documents = 0
    try:  # with the parser's events alone: composing nodes recurses, and constructing them takes memory
        for event in yaml.parse(text, _Loader):
            if isinstance(event, yaml.AliasEvent):
                raise ValueError(ALIAS)
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.NodeEvent):
                nodes += 1
                depth += isinstance(event, yaml.CollectionStartEvent)
                _require_plain_node(event)
            if depth > MOST_DEPTH:
                raise ValueError(f"nested more than {MOST_DEPTH} levels deep")
            if nodes > MOST_NODES:
                raise ValueError(f"more than {MOST_NODES} values")
            if documents > 1:
                raise ValueError("more than one document")
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def _require_plain_node(event: Any) -> None:
    if event.anchor is not None:
        raise ValueError(ALIAS)
    if event.tag is not None:
        raise ValueError("it has a tag, such as !!int; leave it out, and quote what is text")
    if isinstance(event, yaml.ScalarEvent) and "\0" in event.value:
        raise ValueError("a null byte")
    if not isinstance(event, yaml.ScalarEvent) or event.style:  # what is quoted is text
        return
    if event.value == "<<":
        raise ValueError("it has a merge key, <<; write out what it stands for")
    if len(event.value) > LONGEST_NUMBER and event.value[0] in "+-.0123456789" and not set(event.value) - NUMERIC:
        raise ValueError(f"a number of more than {LONGEST_NUMBER} characters")
