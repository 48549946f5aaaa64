"""`refine fit` without a word about sizes, through the command line."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from refine.cli import main
from refine.methods.checkpoint import read_checkpoint
from tests.conftest import WriteImages

Pair = tuple[Path, Path]


def fit(pair: Pair, root: Path, *more: str, recipe: str = "simgan") -> int:
    data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--run", "run"]
    return main(["fit", "-c", recipe, *data, "--device", "cpu", "--trainer.default-root-dir", str(root), *more])


def settings(root: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Of the run as a whole, of its method and of its data."""
    config = yaml.safe_load((root / "run" / "config.yaml").read_text())
    return config, config["model"]["init_args"], config["data"]["init_args"]


def test_a_run_is_sized_and_says_how(pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit(pair, tmp_path, "--steps", "50", "--trainer.max-steps", "1") == 0
    said = capsys.readouterr().out
    assert "size: small, for cpu and images of 32x32: features 32, optimizer adam," in said
    assert "batches of 12; 50 steps, nominally " in said  # all images that there are
    _, method, data = settings(tmp_path)
    assert (method["features"], method["optimizer"], method["steps"], data["batch_size"]) == (32, "adam", 50, 12)
    assert method["refiner_warmup_steps"] + method["discriminator_warmup_steps"] <= 50 / 4


def test_flags_and_recipes_win(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "data:\n  class_path: refine.data.UnpairedImages\n  init_args:\n    batch_size: 3\n"
    )
    mine = ["-c", str(tmp_path / "mine.yaml"), "--model.features", "5", "--model.refiner-warmup-steps", "7"]
    assert fit(pair, tmp_path, "--steps", "20", *mine) == 0
    _, method, data = settings(tmp_path)
    assert (method["features"], method["refiner_warmup_steps"], data["batch_size"]) == (5, 7, 3)
    assert method["optimizer"] == "adam"  # nobody named it


def test_the_paper_is_one_word_away(pair: Pair, tmp_path: Path) -> None:
    small = ["--data.batch-size", "2", "--model.history-size", "4", "--trainer.max-steps", "1"]
    assert fit(pair, tmp_path, "--preset", "paper", *small) == 0
    _, method, _ = settings(tmp_path)
    assert (method["features"], method["optimizer"], method["steps"]) == (64, "sgd", 10_000)
    assert method["refiner_warmup_steps"] == 1000


def test_a_resumed_run_takes_what_it_began_with(pair: Pair, tmp_path: Path) -> None:
    began = ["--model.features", "4", "--model.blocks", "1", "--data.crop", "[24,24]", "--data.batch-size", "3"]
    assert fit(pair, tmp_path, "--steps", "8", *began) == 0
    before = settings(tmp_path)
    assert fit(pair, tmp_path, "--steps", "12", "--resume") == 0
    _, method, data = settings(tmp_path)
    assert method == {**before[1], "steps": 12}
    assert (data["batch_size"], data["crop"]) == (3, [24, 24])
    assert read_checkpoint(tmp_path / "run" / "last.ckpt")["refine"]["steps_done"] == 12


def test_steps_follow_a_time_and_are_stored(pair: Pair, tmp_path: Path) -> None:
    tiny = ["--model.features", "4", "--model.blocks", "1", "--data.batch-size", "1", "--model.history-size", "4"]
    assert fit(pair, tmp_path, "--minutes", "0.05", *tiny) == 0
    config, method, _ = settings(tmp_path)
    done = read_checkpoint(tmp_path / "run" / "last.ckpt")["refine"]
    assert config["steps"] == method["steps"] == done["init_args"]["steps"] == done["steps_done"]
    assert method["steps"] >= 50


def test_a_run_that_was_stopped_before_it_was_timed_still_follows_the_time(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = ["--model.features", "4", "--model.blocks", "1", "--data.batch_size", "1", "--model.history_size", "4"]
    assert fit(pair, tmp_path, "--minutes", "0.05", *tiny, "--trainer.max_steps", "2") == 0
    capsys.readouterr()
    assert fit(pair, tmp_path, "--resume") == 0
    said = capsys.readouterr().out
    assert "resumed at step 2\n" in said
    assert "by the speed of the first 5" in said
    config, method, _ = settings(tmp_path)
    done = read_checkpoint(tmp_path / "run" / "last.ckpt")["refine"]["steps_done"]
    assert config["steps"] == method["steps"] == done >= 50


def test_images_of_several_sizes_are_cropped(
    tmp_path: Path, write_images: WriteImages, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = write_images(tmp_path / "synthetic", size=(40, 50)), write_images(tmp_path / "real", size=(37, 60))
    small = ["--model.features", "4", "--model.blocks", "1", "--steps", "5"]
    assert fit(pair, tmp_path, *small) == 0
    assert settings(tmp_path)[2]["crop"] == [36, 48]
    capsys.readouterr()
    assert fit(pair, tmp_path / "again", "--data.crop", "256x256", *small) == 0
    assert "crop: 36x48, since images are smaller than 256x256 (height x width)" in capsys.readouterr().out
    assert fit(pair, tmp_path / "again", "--resume", "--data.crop", "256x256", *small) == 0
    assert "resumed at step 5" in capsys.readouterr().out
    assert fit(pair, tmp_path / "mapped", recipe="histogram-matching") == 0


def test_odd_images_of_one_domain_do_not_stop_a_run(tmp_path: Path, write_images: WriteImages) -> None:
    pair = write_images(tmp_path / "in", count=60), write_images(tmp_path / "real", count=20, size=(32, 32))
    write_images(pair[1] / "more", classes=("c",), count=3, size=(24, 24))
    small = ["--model.features", "4", "--model.blocks", "1", "--steps", "5"]
    assert fit(pair, tmp_path, *small) == 0
    assert settings(tmp_path)[2]["crop"] == [24, 24]


def test_steps_that_a_recipe_says_stay(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "model:\n  class_path: refine.methods.SimGAN\n  init_args: {steps: 9, features: 4, blocks: 1}\n"
    )
    assert fit(pair, tmp_path, recipe=str(tmp_path / "mine.yaml")) == 0
    assert read_checkpoint(tmp_path / "run" / "last.ckpt")["refine"]["steps_done"] == 9


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--minutes", "1", "--model.steps", "5"], "--minutes and --steps say the same thing"),
        (["--data.crop", "0x0"], "--data.crop is '0x0'; expected a height and a width, such as 48x100"),
        (["--steps", "5", "--model.refiner-warmup-steps", "5"], "the warm-ups alone take"),
    ],
)
def test_what_cannot_be(
    flags: list[str], message: str, pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(pair, tmp_path / "runs", *flags) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_method_of_one_size_says_so(pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit(pair, tmp_path, "--preset", "small", "--steps", "2", "--model.width", "4", recipe="task") == 0
    said = capsys.readouterr().out
    assert "--preset small: Task comes in one size" in said
    assert "last validation, on synthetic images: validation_accuracy " in said


@pytest.mark.parametrize("side", ["synthetic", "real"])
def test_images_that_are_too_small_are_named_and_leave_nothing(
    side: str, pair: Pair, tmp_path: Path, write_images: WriteImages, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path / side, count=1, size=(6, 6))
    assert fit(pair, tmp_path, "--steps", "2") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{tmp_path / side}/" in line
    assert "training images of 4x4 (height x width) are too small, 7x7 is the least" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("flag", ["--data.crop", "--data.resize"])
def test_a_size_that_is_too_small_is_named(
    flag: str, pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(pair, tmp_path, "--steps", "2", flag, "4x4") == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"refine: {flag}: training images of 4x4 (height x width) are too small, 7x7 is the least" in line


def test_a_crop_that_follows_from_a_few_small_images_is_said(
    pair: Pair, tmp_path: Path, write_images: WriteImages, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path / "real", count=1, size=(12, 10))
    assert fit(pair, tmp_path, "--steps", "2", "--model.features", "4", "--model.blocks", "1") == 0
    assert "crop: 12x8, since some images are that small (most are 32x32)" in capsys.readouterr().out
