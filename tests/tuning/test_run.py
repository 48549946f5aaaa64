"""`refine tune-strength` on the command line, held against `refine apply` and `refine evaluate`."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from refine.cli import main
from refine.distances.label_error import LabelError
from refine.files import file_sha256
from refine.interop.bundle import write_bundle
from refine.methods.task import Task
from refine.tuning.measure import StrengthTest
from tests.apply.tiny import MODULE, save_tiny, tiny
from tests.training.runs import always

Pair = tuple[Path, Path]


def tune(pair: Pair, output: Path, judge: Path, *more: str) -> int:
    sides = ["--synthetic", str(pair[0]), "--real", str(pair[1]), "--judge", str(judge), "--output", str(output)]
    return main(["tune-strength", *sides, "--device", "cpu", "--trust", MODULE, *more])


def result(output: Path) -> Any:
    return json.loads((output / "tune-strength.json").read_text())


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "tiny.ckpt")


def test_it_measures_what_apply_writes_and_evaluate_says_of_it(pair: Pair, tmp_path: Path, checkpoint: Path) -> None:
    strengths = ["--strengths", "0.5,1", "--label-error-bound", "0.9"]
    judge = always(tmp_path / "judge")
    assert tune(pair, tmp_path / "tuned", judge, "--checkpoint", str(checkpoint), *strengths) == 0
    found = result(tmp_path / "tuned")
    assert [point["strength"] for point in found["points"]] == [0, 0.5, 1]  # doing nothing is always tried
    assert found["n"] == {"synthetic": 12, "real": 12, "real_floor": 6}
    for point in found["points"]:
        assert point["label_error"]["value"] == 0.5  # the judge always says a
        assert point["label_error"]["low"] < 0.5 < point["label_error"]["high"]
        assert point["only_answer"] == "a"
        refined, metrics = tmp_path / f"refined-{point['strength']}", tmp_path / f"{point['strength']}.json"
        if point["strength"] == 0:
            refined = pair[0]
        else:
            applied = ["apply", "--checkpoint", str(checkpoint), "--trust", MODULE, "--device", "cpu"]
            folders = ["--input", str(pair[0]), "--output", str(refined), "--strength", str(point["strength"])]
            assert main([*applied, *folders]) == 0
        sides = ["--synthetic", str(pair[0]), "--refined", str(refined), "--real", str(pair[1]), "--device", "cpu"]
        assert main(["evaluate", *sides, "--output", str(metrics)]) == 0
        row = json.loads(metrics.read_text())["rows"]["refined"]["swd"]
        assert point["distances"]["swd"] == pytest.approx(row["value"], rel=1e-4)


def test_the_nearest_one_under_the_bound_is_chosen_ringed_and_told_with_its_command(
    pair: Pair, tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strong, judge = save_tiny(tmp_path / "strong.ckpt", amount=0.9), always(tmp_path / "judge")
    checkpoints = ["--checkpoint", str(checkpoint), str(strong)]
    assert tune(pair, tmp_path / "tuned", judge, *checkpoints, "--label-error-bound", "0.9") == 0
    found, said = result(tmp_path / "tuned"), capsys.readouterr().out
    nearest = min(found["points"], key=lambda point: point["distances"]["swd"])
    assert found["chosen"] == {"checkpoint": nearest["checkpoint"], "strength": nearest["strength"]}
    assert nearest["strength"] > 0
    assert f"refine apply --checkpoint {nearest['checkpoint']} --input {pair[0]}" in said
    assert said.strip().endswith(f"--strength {nearest['strength']:g}")
    assert "the judges name a nearly always at 10 of 10 points" in said
    provenance = found["provenance"]
    assert provenance["checkpoints"] == {str(path): file_sha256(path) for path in (checkpoint, strong)}
    assert list(provenance["judges"]) == [str(judge)]
    with Image.open(tmp_path / "tuned" / "tune-strength.png") as picture:
        assert min(picture.size) > 500
    assert tune(pair, tmp_path / "again", judge, *checkpoints, "--label-error-bound", "0.9") == 0
    for name in ("tune-strength.json", "tune-strength.png"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "tuned" / name).read_bytes()


def test_without_a_point_under_the_bound_nothing_is_chosen_and_the_reason_is_told(
    pair: Pair, tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judge, more = always(tmp_path / "judge"), ["--label-error-bound", "0.49"]
    assert tune(pair, tmp_path / "tuned", judge, "--checkpoint", str(checkpoint), *more) == 0
    assert result(tmp_path / "tuned")["chosen"] is None
    said = capsys.readouterr().out
    assert "wrong on 50.0 % of the untouched images already" in said
    assert "refine apply" not in said


def test_a_choice_that_other_images_do_not_confirm_is_none(
    pair: Pair, tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the images choose, the other half, on which the judge errs more, has the last word."""
    monkeypatch.setattr(StrengthTest, "points", _right_on_the_first_half(StrengthTest.points))
    more = ["--checkpoint", str(checkpoint), "--label-error-bound", "0.8"]
    assert tune(pair, tmp_path / "tuned", always(tmp_path / "judge"), *more) == 0
    found, said = result(tmp_path / "tuned"), capsys.readouterr().out
    assert found["chosen"] is None
    assert found["confirmation"]["label_error"]["n"] == 6
    assert "images that had no part in the choice do not confirm it" in said
    assert "refine apply" not in said


def _right_on_the_first_half(points: Any) -> Any:
    def changed(*args: Any) -> Any:
        none: LabelError = {"value": 0.0, "low": 0.0, "high": 0.46, "n": 6}
        return [({**point, "label_error": none}, held_out) for point, held_out in points(*args)]

    return changed


def test_too_few_images_for_the_bound_are_said_to_be(
    pair: Pair, tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--checkpoint", str(checkpoint), "--label-error-bound", "0.05"]
    assert tune(pair, tmp_path / "tuned", always(tmp_path / "judge"), *more) == 0
    assert "12 images cannot show that the label error is 5 % or less: it takes 144 images" in capsys.readouterr().out


def test_where_every_change_leads_away_from_real_the_images_are_left_as_they_are(
    pair: Pair, tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = pair[0], pair[0]
    more = ["--checkpoint", str(checkpoint), "--label-error-bound", "0.9"]
    assert tune(same, tmp_path / "tuned", always(tmp_path / "judge"), *more) == 0
    assert result(tmp_path / "tuned")["chosen"] == {"checkpoint": str(checkpoint), "strength": 0}
    said = capsys.readouterr().out
    assert "leave the images as they are" in said
    assert "refine apply" not in said


def test_features_decide_by_kid_where_swd_is_not_asked(pair: Pair, tmp_path: Path, checkpoint: Path) -> None:
    judge = always(tmp_path / "judge")
    more = ["--checkpoint", str(checkpoint), "--strengths", "1", "--features", str(judge), "--count", "8"]
    assert tune(pair, tmp_path / "tuned", judge, *more) == 0
    found = result(tmp_path / "tuned")
    assert found["metric"].startswith("kid[")
    assert {name.split("[")[0] for name in found["points"][0]["distances"]} == {"kid", "fid"}
    assert found["n"] == {"synthetic": 8, "real": 8, "real_floor": 4}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--strengths", "0.5,1.5"], "--strengths 0.5,1.5: expected each from 0 to 1"),
        (["--label-error-bound", "5"], "--label-error-bound 5: expected a share from 0 to 1"),
        (["--size", "4x4"], "too small for swd"),
        (["--judge", "OTHER"], "the task model knows class labels x, y"),
        (["--judge", "TINY"], "holds Tiny; name the checkpoint of a task model"),
        (["--checkpoint", "JUDGE"], "holds Task, which refines no images"),
        (["--checkpoint", "GRAY"], "takes gray images, and these have color"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    args: list[str], message: str, pair: Pair, tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judge = always(tmp_path / "judge")
    gray = tmp_path / "gray.ckpt"
    named = {"OTHER": always(tmp_path / "other", classes=("x", "y")), "TINY": checkpoint, "JUDGE": judge, "GRAY": gray}
    method = tiny(channels=1)
    torch.save({"refine": {**method.description(), "steps_done": 0}, "state_dict": method.state_dict()}, gray)
    more = ["--checkpoint", str(checkpoint), *(str(named.get(arg, arg)) for arg in args)]
    assert tune(pair, tmp_path / "tuned", judge, *more) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "tuned").exists()


def test_labels_of_nothing_are_refused_in_one_line(
    pair: Pair, tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, judge = tmp_path / "unlabeled", tmp_path / "judge"
    for name in ("a", "b"):
        for folder, picture in (("images", Image.new("RGB", (32, 32))), ("masks", Image.new("L", (32, 32), 255))):
            (source / folder).mkdir(parents=True, exist_ok=True)
            picture.save(source / folder / f"{name}.png")
    (source / "classes.txt").write_text("road\nsky\n")
    write_bundle(Task(classes=["road", "sky"], channels=3, width=4, kind="mask"), judge)
    more = ["--checkpoint", str(checkpoint), "--layout", "mask-folders"]
    assert tune((source, pair[1]), tmp_path / "tuned", judge, *more) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{source}: none of the 2 images that were taken has anything to judge" in line
    assert not (tmp_path / "tuned").exists()
