"""Documents name files that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("refine", "scripts", "docs", "models", "tests", "datasets")
PATH = re.compile(rf"(?<![\w./-])(?:(?:{'|'.join(FOLDERS)})/[\w./*-]*|[\w/*-]+\.py\b)")
"""A path from the root, or the end of the path of a Python file."""
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
TO_FILL_IN = re.compile(r"NAME|ROOM")
"""What stands for a name in CONTRIBUTING, as in ``models/NAME.md``."""


def documents() -> list[Path]:
    folders = [ROOT, *(ROOT / name for name in ("docs", "models", "datasets", "checkpoints"))]
    return sorted(path for folder in folders for path in folder.glob("*.md"))


def paths_of(text: str) -> list[str]:
    """Every path between backticks."""
    found = [path.rstrip(".") for quoted in re.findall(r"`([^`\n]+)`", text) for path in PATH.findall(quoted)]
    return [path for path in found if not TO_FILL_IN.search(path)]


def is_there(path: str) -> bool:
    if path.startswith(tuple(f"{folder}/" for folder in FOLDERS)):
        return any(ROOT.glob(path))
    return any(each for folder in ("refine", "scripts", "tests") for each in (ROOT / folder).rglob(path))


@pytest.mark.parametrize("page", documents(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_document_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [path for path in paths_of(text) if not is_there(path)] == []
    links = [link for link in LINK.findall(text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_paths_of_documents_are_found() -> None:
    text = "`refine/losses/NAME.py`, `losses/gone.py`, `docs/*.md`, `refine apply`, `make X=datasets/digits`"
    assert paths_of(text) == ["losses/gone.py", "docs/*.md", "datasets/digits"]
    assert [is_there(path) for path in paths_of(text)] == [False, True, True]
    assert LINK.findall("[cut](../models/cut.md#results), [a part](#part)") == ["../models/cut.md"]
