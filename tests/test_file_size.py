"""The bound on what is read whole, through the command line."""

import json
import os
from pathlib import Path

import pytest

from refine.cli import main
from refine.data import UnpairedImages
from refine.data.layouts import UnityEyes
from refine.errors import InputError
from refine.files import SIZE_VARIABLE, max_file_size
from tests.data.layouts.examples.unity_eyes import write_unity_eyes


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A label of more than a MiB among others."""
    root = write_unity_eyes(tmp_path / "set")
    label = next(root.rglob("*.json"))
    label.write_text(json.dumps({"padding": " " * (1 << 20), **json.loads(label.read_text())}))
    return root


def test_a_label_above_the_bound_is_named_and_the_flag_raises_it(
    dataset: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SIZE_VARIABLE, raising=False)
    command = ["inspect", str(dataset), "--layout", "unity-eyes"]
    assert main([*command, "--max-file-size", "1"]) == 1
    assert "more than 1 MiB" in (shown := capsys.readouterr().out)
    assert "--max-file-size" in shown
    assert main([*command, "--max-file-size", "2"]) == 0
    assert main(command) == 0
    assert SIZE_VARIABLE not in os.environ


def test_training_takes_it_as_an_argument_of_the_data(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SIZE_VARIABLE, "2")
    UnpairedImages(dataset, dataset, layout="unity-eyes", real_layout="images", max_file_size=1)
    assert max_file_size() == 1 << 20
    layout = UnityEyes(dataset)
    with pytest.raises(InputError, match=r"more than 1 MiB; .* --data\.max-file-size"):
        [layout.annotation(record) for record in layout.records()]
