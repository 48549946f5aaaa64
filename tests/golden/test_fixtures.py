"""Files that earlier code has written still load, and half-finished work goes on (fixtures/README.md)."""

import json
import lzma
import shutil
from pathlib import Path

import PIL
import pytest
import torch

from refine.cli import main

FIXTURES = Path(__file__).parent / "fixtures"
RUN = "refine-run.json"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the fixtures, to work in."""
    shutil.copytree(FIXTURES, tmp_path, dirs_exist_ok=True)
    for packed in tmp_path.glob("*.ckpt.xz"):
        packed.with_suffix("").write_bytes(lzma.decompress(packed.read_bytes()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("model", ["simgan.ckpt", "cut"])
def test_a_checkpoint_and_a_bundle_refine(model: str, work: Path) -> None:
    assert main(["apply", "--checkpoint", model, "--input", "synthetic", "--output", "new", "--device", "cpu"]) == 0
    assert main(["verify", "new"]) == 0
    names = {path.relative_to(work / "synthetic") for path in (work / "synthetic").rglob("*")}
    assert {path.relative_to(work / "new") for path in (work / "new").rglob("*")} - names == {
        Path("refine-manifest.jsonl"),
        Path(RUN),
    }


def test_a_task_model_judges(work: Path) -> None:
    sides = ["--synthetic", "synthetic", "--real", "synthetic", "--device", "cpu"]
    tune = ["tune-strength", *sides, "--checkpoint", "cut", "--judge", "task.ckpt", "--strengths", "1"]
    assert main([*tune, "--output", "tuned"]) == 0
    (point, _) = json.loads((work / "tuned/tune-strength.json").read_text())["points"]
    assert point["label_error"]["n"] == 3  # the other half confirms


def test_half_a_refined_dataset_is_finished(work: Path) -> None:
    run = json.loads((work / "refined" / RUN).read_text())
    run["versions"] |= {"torch": str(torch.__version__), "pillow": PIL.__version__}  # here other ones may be installed
    (work / "refined" / RUN).write_text(json.dumps(run, indent=2, sort_keys=True) + "\n")
    done = {path: path.stat().st_mtime_ns for path in (work / "refined").rglob("*.png")}
    assert main(["verify", "refined"]) == 1
    again = ["apply", "--checkpoint", "simgan.ckpt", "--input", "synthetic", "--output", "refined", "--device", "cpu"]
    assert main(again) == 0
    assert main(["verify", "refined"]) == 0
    assert len(list((work / "refined").rglob("*.png"))) == 6 > len(done) > 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
