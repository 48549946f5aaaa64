"""`refine try`, through the command line, with the two quickest methods."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from refine.cli import main
from refine.errors import InputError
from refine.trial.measure import open_pair, require_time
from refine.trial.options import TryOptions
from refine.trial.plan import SELF_WEIGHTS
from refine.trial.result import Tried
from tests.conftest import WriteImages

Pair = tuple[Path, Path]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.trial.plan.methods", lambda kind: ["color-transfer", "simgan"])
    monkeypatch.setattr("refine.training.sizing.LEAST_STEPS", 8)
    monkeypatch.setattr("refine.training.steps.LEAST_STEPS", 8)


def tried(pair: Pair, output: Path, *more: str) -> int:
    return main(["try", *map(str, pair), "--minutes", "0.05", "--device", "cpu", "--output", str(output), *more])


def result(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "try.json").read_text())
    return found


def test_a_trial_measures_every_method_and_says_what_to_do(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "tried"
    assert tried(pair, output) == 0
    said = capsys.readouterr().out
    found = result(output)
    assert list(found["methods"]) == ["color-transfer", "simgan"]
    for name, one in found["methods"].items():
        assert (output / one["checkpoint"]).is_file()
        assert one["steps"] > 0
        assert f"{name}: distance {one['measured']['distance']:.0f}" in said
        assert one["measured"]["label_error"]["n"] == 12
    kept = 100 * (1 - found["nothing"]["label_error"]["value"])
    lines = [line for line in said.splitlines() if "% of labels found by the judge" in line]
    assert f"by the judge (untouched synthetic images {kept:.0f} %, guessing 50 %), " in lines[0]
    assert "untouched" not in lines[1]
    assert found["methods"]["color-transfer"]["measured"]["distance"] < found["nothing"]["distance"]
    page = (output / "try.html").read_text()
    assert page.count("<img ") == 4 * 6  # synthetic, two methods, real
    assert "still trying" not in page
    assert "Guessing finds 50 %." in page
    assert (found["recommendation"]["method"] or "cannot be decided") in said
    assert f"page: {output / 'try.html'}" in said
    commands = [line.partition(": ")[2] for line in said.splitlines() if line.startswith("next")]
    recommended = found["recommendation"]
    assert len(commands) == len([*filter(None, [recommended["command"]]), *recommended["next"]])
    assert any(" apply --checkpoint " in command for command in commands)
    assert [*(output / "runs").glob("simgan*")]
    assert not [*(output / "runs").glob("simgan*/*.ckpt")]  # the one that is kept is enough
    assert "min are short" in said
    assert f"{pair[1]}: its folders are named as the classes; if that is right, --labeled-real {pair[1]}" in said
    assert "judge: " not in said


@pytest.mark.slow
def test_a_stopped_trial_goes_on_and_another_one_is_refused(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "tried"
    with monkeypatch.context() as patch:
        patch.setattr("refine.trial.plan.methods", lambda kind: ["color-transfer"])
        assert tried(pair, output) == 0
    before = result(output)
    assert tried(pair, output) == 0
    assert "going on, tried before: color-transfer" in capsys.readouterr().out
    assert (output / "try.html").read_text().count("<img ") == 4 * 6
    after = result(output)
    assert after["methods"]["color-transfer"] == before["methods"]["color-transfer"]
    assert set(after["methods"]) == {"color-transfer", "simgan"}
    assert after["seconds"] > before["seconds"]
    capsys.readouterr()
    (output / "try.json").unlink()  # as if it was stopped before the first method
    assert tried(pair[::-1], output) == 2
    assert f"holds a trial with synthetic {pair[0]}, not {pair[1]}" in capsys.readouterr().err
    (output / "settings.json").unlink()
    assert tried(pair, output) == 2
    assert "holds something else" in capsys.readouterr().err
    assert tried(pair, pair[0] / "tried") == 2
    assert f"lies in the synthetic images {pair[0]}" in capsys.readouterr().err
    assert not (pair[0] / "tried").exists()


@pytest.mark.slow  # nine task models
def test_simgan_is_trained_with_several_weights_where_there_is_time(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refine.trial.plan.WEIGHED_STEPS", 0)
    output = tmp_path / "tried"
    assert tried(pair, output) == 0
    simgan = result(output)["methods"]["simgan"]
    assert [one["self_weight"] for one in simgan["weights"]] == list(SELF_WEIGHTS)
    (taken,) = [one for one in simgan["weights"] if one["self_weight"] == simgan["self_weight"]]
    assert simgan["measured"]["distance"] == pytest.approx(taken["measured"]["distance"])
    page = (output / "try.html").read_text()
    assert page.count(" (not taken)</th>") == 2
    assert all(f"simgan, λ {weight:g}</text>" in page for weight in SELF_WEIGHTS)  # in the plot


def test_labeled_real_images_are_tested_on(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.trial.measure.STEPS", 3)
    monkeypatch.setattr("refine.trial.plan.methods", lambda kind: ["color-transfer", "fda"])
    output = tmp_path / "tried"
    assert tried(pair, output, "--labeled-real", str(pair[1])) == 0
    found = result(output)
    assert {"synthetic", "color-transfer", "fda", "target_supervised"} == set(found["benchmark"]["rows"])
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "a.png").write_bytes(next(pair[1].rglob("*.png")).read_bytes())
    assert tried(pair, tmp_path / "other", "--labeled-real", str(plain)) == 2
    assert not (tmp_path / "other").exists()
    assert "on labeled real images" in (output / "try.html").read_text()


def test_labeled_real_images_of_other_classes_are_refused_before_any_training(
    pair: Pair,
    tmp_path: Path,
    write_images: WriteImages,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def trained(*args: object, **more: object) -> None:
        raise AssertionError("trained")

    monkeypatch.setattr("refine.trial.run.fit", trained)
    other = write_images(tmp_path / "other", classes=("a", "c"))
    assert tried(pair, tmp_path / "tried", "--labeled-real", str(other)) == 2
    assert f"{other}: has the classes a, c, expected a, b; " in capsys.readouterr().err
    assert not (tmp_path / "tried").exists()
    broken = write_images(tmp_path / "broken", classes=("a", "b"))
    (broken / "a" / "cut.png").write_bytes(next(pair[1].rglob("*.png")).read_bytes()[:60])
    assert tried(pair, tmp_path / "tried", "--labeled-real", str(broken)) == 2
    assert "cut.png" in capsys.readouterr().err
    assert not (tmp_path / "tried").exists()
    several = write_images(tmp_path / "several", classes=("a", "b", "c"))
    with pytest.raises(AssertionError, match="trained"):  # of classes of images, some may be missing
        tried((several, pair[1]), tmp_path / "tried", "--labeled-real", str(pair[1]))
    plain = write_images(tmp_path / "plain", classes=("",))
    assert tried((plain, pair[1]), tmp_path / "else", "--labeled-real", str(pair[1])) == 2
    assert f"{plain}: has no labels, and --labeled-real {pair[1]} needs them" in capsys.readouterr().err


def test_a_whole_dataset_is_not_refined_with_every_method_where_that_takes_longer_than_the_trial(pair: Pair) -> None:
    opened = open_pair(TryOptions(synthetic=pair[0], real=pair[1]))
    images = len(opened.synthetic.records)
    pixels = sum(math.prod(opened.synthetic.layout.size(record)) for record in opened.synthetic.records)
    slow: Tried = {"seconds": 1.0, "measured": {"distance": 1.0, "seconds_a_megapixel": 60 * 1e6 / pixels}}
    tried_before: Tried = {"seconds": 1.0, "measured": {"distance": 1.0}}
    require_time({"one": slow, "older": tried_before}, opened, minutes=1.1)
    said = f"refining all {images} synthetic images with 2 methods would take about 2 min"
    with pytest.raises(InputError, match=said):
        require_time({"one": slow, "two": slow}, opened, minutes=1.1)


def test_an_output_that_was_given_labeled_images_does_not_ask_for_them_and_marks_what_loses_labels(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*args: object) -> None:
        raise InputError("several sizes")

    monkeypatch.setattr("refine.trial.run.benchmark_labeled", refused)
    monkeypatch.setattr("refine.trial.plan.methods", lambda kind: ["color-transfer"])
    monkeypatch.setattr("refine.trial.result.keeps_labels", lambda one, nothing: False)
    monkeypatch.setattr("refine.trial.plan.keeps_labels", lambda one, nothing: False)
    for name in ("refine.trial.result.judge_reads", "refine.trial.plan.judge_reads"):
        monkeypatch.setattr(name, lambda nothing, guessing: True)
    output = tmp_path / "tried"
    assert tried(pair, output, "--labeled-real", str(pair[1])) == 0
    said = capsys.readouterr().out
    assert "The labeled real images were not tested on: several sizes" in said
    assert "--labeled-real" not in said
    (goes_on,) = [line for line in said.splitlines() if line.startswith("next (loses labels): ")]
    assert " apply --checkpoint " in goes_on
    assert (output / "try.html").read_text().count("loses labels:") == 1


def test_a_folder_with_odd_files_is_tried_without_them(
    tmp_path: Path, write_images: WriteImages, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = write_images(tmp_path / "in", count=30), write_images(tmp_path / "real", count=30, level=120)
    (pair[0] / "a" / "broken.png").write_bytes(b"not an image")
    (pair[0] / "notes.txt").write_text("renders of May")
    content = next((pair[1] / "b").glob("*.png")).read_bytes()
    (pair[1] / "b" / "cut.png").write_bytes(content[: len(content) // 2])
    Image.new("RGB", (100, 90)).save(pair[1] / "b" / "larger.png")
    assert tried(pair, tmp_path / "tried") == 0
    said = capsys.readouterr().out
    assert said.count(f"{pair[0]}: 1 of 61 images left out (first: {pair[0] / 'a' / 'broken.png'}") == 1
    assert said.count(f"{pair[1]}: 1 of 62 images left out (first: {pair[1] / 'b' / 'cut.png'}") == 1
    assert f"{pair[0]}: layout class-folders" in said
    assert all("measured" in one for one in result(tmp_path / "tried")["methods"].values())


def test_images_without_labels_and_of_any_size_are_tried(tmp_path: Path, write_images: WriteImages) -> None:
    pair = (
        write_images(tmp_path / "in", classes=("",), size=(40, 50)),
        write_images(tmp_path / "real", classes=("",), size=(300, 290), level=120, count=5),
    )
    output = tmp_path / "tried"
    assert tried(pair, output) == 0
    found = result(output)
    assert found["kind"] == "none"
    assert "label_error" not in found["nothing"]
    assert all("measured" in one for one in found["methods"].values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--minutes", "0"], "'0' is not a number above 0"),
        (["--labeled-real", "nowhere"], "nowhere: no such file or folder"),
    ],
)
def test_what_cannot_be_tried(
    change: list[str], message: str, pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tried(pair, tmp_path / "tried", *change) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "tried").exists()


def test_a_missing_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tried((tmp_path / "nothing", tmp_path / "none"), tmp_path / "tried") == 2
    assert "nothing: no such file or folder" in capsys.readouterr().err


def test_a_refusal_leaves_nothing_and_says_what_another_trial_has(
    pair: Pair, tmp_path: Path, write_images: WriteImages, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "deep" / "tried"
    assert tried((pair[0], pair[0]), output) == 2
    assert "is the synthetic dataset, too; name the folder of the real images" in capsys.readouterr().err
    assert tried(pair, output, "--classes", "nowhere") == 2
    write_images(pair[1], count=1, size=(6, 6))  # what is smaller than a patch shows when the judge is trained
    assert tried(pair, output) == 2
    assert "7x7 is the least" in capsys.readouterr().err
    assert not (tmp_path / "deep").exists()
    output.mkdir(parents=True)
    (output / "settings.json").write_text('{"synthetic": "elsewhere"}')
    capsys.readouterr()
    assert tried(pair, output) == 2
    assert f"holds a trial with synthetic elsewhere, not {pair[0]}; name another --output" in capsys.readouterr().err
