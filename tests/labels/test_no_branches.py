"""Whatever depends on the kind of label asks `refine.labels`: no other room branches on a kind's name."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import refine
from refine.labels import KINDS

ROOT = Path(refine.__file__).parent
CLASSES = {type(kind).__name__ for kind in KINDS.values()}
LAYOUTS = "data/layouts/"
"""A layout sets the kind of its labels, some by an option with the kind's name."""


def branches(text: str) -> Iterator[tuple[int, str]]:
    """Lines that compare with a kind's name, match it, look it up in a table, or ask for a kind's class."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Compare():
                found = _names(node) or ("none" in _texts(node) and "kind" in ast.unparse(node))
            case ast.match_case():
                found = _names(node.pattern)
            case ast.Dict():
                found = len(set().union(*(_names(key) for key in node.keys if key))) > 1
            case ast.Call(func=ast.Name("isinstance" | "issubclass")):
                found = CLASSES & {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            case _:
                continue
        if found:
            yield getattr(node, "lineno", 0), ast.unparse(node)


def _names(node: ast.AST) -> set[str]:
    return KINDS.keys() & _texts(node)


def _texts(node: ast.AST) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def test_no_other_room_branches_on_a_kinds_name() -> None:
    found = [
        f"{name}:{line} {what}"
        for path in sorted(ROOT.rglob("*.py"))
        if not (name := path.relative_to(ROOT).as_posix()).startswith(("labels/", LAYOUTS))
        for line, what in branches(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "planted",
    [
        "if space.kind == 'mask': pass",
        "x = 1 if 'none' != space.kind else 2",
        "if kind in {'class', 'mask'}: pass",
        "if task.label_kind is KINDS['targets']: pass",
        "match kind:\n    case 'mask' | 'class':\n        pass",
        "SIZES = {'class': 1, 'mask': 2}[kind]",
        "if isinstance(kind, MaskLabels | BoxLabels): pass",
    ],
)
def test_a_planted_branch_is_found(planted: str) -> None:
    assert len(list(branches(planted))) == 1
