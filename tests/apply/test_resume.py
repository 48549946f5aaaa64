import hashlib
import os
from pathlib import Path

import pytest

from refine.apply.files import MANIFEST
from tests.apply.trees import dataset, run


def test_what_lies_in_a_folder_that_cannot_be_read_is_not_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = dataset(tmp_path / "in", count=4), tmp_path / "out"
    run(source, output)
    real = os.scandir

    def refused(path: Path) -> object:
        if str(path).endswith("in/part0"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refused)
    summary = run(source, output)
    assert [(entry["key"], entry["reason"]) for entry in summary.failures] == [
        ("part0", "the folder cannot be read (Permission denied)")
    ]
    assert (output / "part0" / "image_000.png").exists()
    monkeypatch.undo()
    assert run(source, output).done == 0


def test_a_manifest_of_a_stranger_removes_nothing_outside(tmp_path: Path) -> None:
    source, output = dataset(tmp_path / "in", count=2), tmp_path / "out"
    run(source, output)
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    (output / "way").symlink_to(tmp_path)

    digest = hashlib.sha256(b"mine").hexdigest()
    for key in ("../mine.txt", str(mine), "way/mine.txt"):
        with (output / MANIFEST).open("a") as file:
            file.write(f'{{"key": "{key}", "kind": "carried", "sha256": "{digest}", "status": "done"}}\n')
    run(source, output)
    assert mine.read_text() == "mine"
