import json
from pathlib import Path

import pytest

from refine.errors import InputError
from refine.metrics import Evaluation, write_json

RESULT: Evaluation = {"rows": {"refined": {"swd": {"value": 1.5, "n": [3, 4]}}}, "provenance": {"seed": 0}}


def test_is_written_as_json_with_the_folders_above_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "metrics.json"
    write_json(RESULT, path)
    assert json.loads(path.read_text()) == RESULT
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_writing_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "metrics.json"
    path.write_text("old")

    def full_disk(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(InputError, match=r"metrics\.json: cannot be written \(No space left on device\)"):
        write_json(RESULT, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_below_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be written .*choose another --output"):
        write_json(RESULT, tmp_path / "file" / "metrics.json")
