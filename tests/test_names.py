"""No class name stands for two things."""

import ast
from collections import Counter
from pathlib import Path

import refine


def test_no_class_name_stands_for_two_things() -> None:
    files = [path.read_text(encoding="utf-8") for path in Path(refine.__file__).parent.rglob("*.py")]
    nodes = [node for text in files for node in ast.walk(ast.parse(text))]
    names = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []
