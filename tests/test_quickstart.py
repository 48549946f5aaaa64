"""The notebook's cells run in their order, in an empty folder."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

NOTEBOOK = Path(__file__).parents[1] / "docs" / "quickstart.ipynb"


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    names: dict[str, Any] = {}
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and not source.startswith("%"):
            exec(compile(source, "quickstart.ipynb", "exec"), names)  # our own cells
    assert "all as the manifest says" in capsys.readouterr().out
    rows = names["result"]["rows"]
    assert rows["refined"]["swd"]["value"] < rows["synthetic"]["swd"]["value"]
    assert Image.open(names["outcome"].folder / "preview.png").width > 100
    assert all(not cell.get("outputs") for cell in cells)
