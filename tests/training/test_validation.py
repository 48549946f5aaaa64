"""What a validation leaves in TensorBoard, read back from the event file."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from refine.cli import main
from refine.data.open_layout import open_layout
from refine.report.kit.pictures import GAP, MARGIN
from refine.training.validation import framed, tiled
from tests.conftest import WriteImages
from tests.data.layouts.examples.yolo import write_yolo
from tests.methods.steps import stored_task
from tests.training import runs
from tests.training.runs import SMALL, Pair, always, events

PICTURE = "images/synthetic_refined_real"


OFTEN = ["--trainer.val-check-interval", "2", "--data.validation-fraction", "0", "--checkpoint-every", "0"]


def fit(pair: Pair, root: Path, *more: str, recipe: str = "models/cyclegan.yaml") -> int:
    return runs.fit(recipe, pair, root, "--steps", "4", *OFTEN, "--run", "run", *more)


def values(root: Path, tag: str) -> list[float]:
    return [event.value for event in events(root / "run").Scalars(tag)]


def picture(root: Path) -> NDArray[np.uint8]:
    (first, *_) = events(root / "run").Images(PICTURE)
    return np.asarray(Image.open(BytesIO(first.encoded_image_string)))


def test_with_a_judge_each_validation_says_how_many_labels_are_lost_before_and_after(
    pair: Pair, tmp_path: Path
) -> None:
    assert fit(pair, tmp_path, "--judge", str(always(tmp_path / "judge"))) == 0
    assert values(tmp_path, "label/error") == [0.5, 0.5]  # half of the images are of the class that it names
    assert values(tmp_path, "label/error_do_nothing") == [0.5, 0.5]
    assert values(tmp_path, "label/agreement") == [1.0, 1.0]
    assert len(values(tmp_path, "distance/swd")) == len(values(tmp_path, "distance/swd_do_nothing")) == 2


def test_a_synthetic_image_counts_once_where_there_are_more_real_ones(
    pair: Pair, tmp_path: Path, write_images: WriteImages
) -> None:
    more = write_images(tmp_path / "more", count=10, level=120)  # 20 against 12: six images of class a come again
    assert fit((pair[0], more), tmp_path, "--judge", str(always(tmp_path / "judge"))) == 0
    assert values(tmp_path, "label/error") == [0.5, 0.5]


def test_the_picture_frames_the_refined_images_whose_label_is_lost(pair: Pair, tmp_path: Path) -> None:
    assert fit(pair, tmp_path, "--judge", str(always(tmp_path / "judge"))) == 0
    side = 32 * 3  # enlarged
    pixels = picture(tmp_path)[-3 * (side + GAP) :, MARGIN:]
    corners = [[tuple(pixels[row * (side + GAP), column * (side + GAP)]) for column in range(8)] for row in range(3)]
    red = [[corner == (255, 0, 0) for corner in row] for row in corners]
    assert red == [[False] * 8, [False] * 6 + [True] * 2, [False] * 8]  # six of class a come first


def test_a_fit_is_looked_at_early_and_its_folder_holds_the_latest_picture(pair: Pair, tmp_path: Path) -> None:
    often = ["--trainer.val-check-interval", "200", "--steps", "55"]
    assert fit(pair, tmp_path, *often, recipe="models/simgan.yaml") == 0
    steps = [event.step for event in events(tmp_path / "run").Images(PICTURE)]
    assert steps == [25, 50, 55]
    last = events(tmp_path / "run").Images(PICTURE)[-1]
    shown = Image.open(BytesIO(last.encoded_image_string))
    assert np.array_equal(np.asarray(shown), np.asarray(Image.open(tmp_path / "run" / "preview.png")))


def test_objects_are_judged_by_a_detector(tmp_path: Path) -> None:
    source = write_yolo(tmp_path / "yolo")
    space = open_layout("auto", source).label_space
    judge = stored_task(tmp_path, "objects", classes=list(space.names), channels=3)
    more = ["--data.crop", "[16,16]", "--judge", str(judge), "--data.batch-size", "2"]
    assert fit((source, source / "images"), tmp_path, *more) == 0
    for tag in ("label/error", "label/error_do_nothing", "label/agreement"):
        assert all(0 <= value <= 1 for value in values(tmp_path, tag)), tag
    assert len(values(tmp_path, "label/error")) == 2


def test_validate_judges_a_checkpoint(pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit(pair, tmp_path) == 0
    data = ["--data.synthetic", str(pair[0]), "--data.real", str(pair[1]), "--trainer.accelerator", "cpu"]
    recipe = ["-c", "models/cyclegan.yaml", *SMALL["models/cyclegan.yaml"], "--trainer.logger", "false"]
    given = ["--ckpt-path", str(tmp_path / "run" / "last.ckpt"), "--judge", str(always(tmp_path / "judge"))]
    capsys.readouterr()
    assert main(["validate", *recipe, *data, *given]) == 0
    assert "label/error" in capsys.readouterr().out


def test_without_a_judge_nothing_is_framed_and_nothing_of_labels_is_logged(pair: Pair, tmp_path: Path) -> None:
    assert fit(pair, tmp_path) == 0
    tags = events(tmp_path / "run").Tags()
    assert tags["images"] == [PICTURE]
    assert not [tag for tag in tags["scalars"] if tag.startswith("label/")]
    assert (255, 0, 0) not in {tuple(pixel) for pixel in picture(tmp_path).reshape(-1, 3).tolist()}


def test_fid_and_kid_are_measured_where_features_are_named(pair: Pair, tmp_path: Path) -> None:
    judge = str(always(tmp_path / "judge"))
    assert fit(pair, tmp_path, "--validation-features", judge) == 0
    tags = events(tmp_path / "run").Tags()["scalars"]
    found = {tag for tag in tags if tag.startswith("distance/") and "swd" not in tag}
    assert {tag.split("[")[0] for tag in found} == {"distance/fid", "distance/kid"}
    assert len(found) == 4
    assert len([tag for tag in found if tag.endswith("_do_nothing")]) == 2


def test_where_training_crops_some_images_are_refined_whole(pair: Pair, tmp_path: Path) -> None:
    assert fit(pair, tmp_path, "--data.crop", "[16,16]") == 0
    assert len(values(tmp_path, "distance/swd_whole")) == len(values(tmp_path, "distance/swd_whole_do_nothing")) == 2
    (first, *_) = events(tmp_path / "run").Images("images/whole_synthetic_refined")
    side = 96  # of small pictures, enlarged
    assert first.height > 2 * side  # before and after, with their captions
    assert first.width > 4 * side  # four images


def test_tiles_cover_images_of_any_size_from_their_corner_on() -> None:
    images = [torch.arange(6.0).repeat(1, 5, 1), torch.full((1, 2, 3), 9.0)]
    tiles = tiled(images, (2, 3))
    assert tiles.shape == (5, 1, 2, 3)
    assert tiles[:, 0, 0].tolist() == [[0, 1, 2], [9, 9, 9], [3, 4, 5], [0, 1, 2], [3, 4, 5]]


def test_a_frame_covers_the_border_of_the_chosen_images_alone() -> None:
    images = torch.zeros(2, 1, 64, 96)
    seen = framed(images, torch.tensor([False, True]))
    assert seen.shape == (2, 3, 64, 96)
    assert torch.equal(seen[0], torch.zeros(3, 64, 96))
    red = (seen[1] == torch.tensor([1.0, -1.0, -1.0])[:, None, None]).all(0)
    border = torch.ones(64, 96, dtype=torch.bool)
    border[2:-2, 2:-2] = False
    assert torch.equal(red, border)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--label-error-bound", "0.1"], "--label-error-bound needs a judge"),
        (["--judge", "JUDGE", "--label-error-bound", "5"], "expected a share from 0 to 1"),
        (["--judge", "JUDGE", "--label-error-bound", "0.1"], "12 validation images cannot show it, it takes 72; give"),
        (["--judge", "JUDGE", "--label-error-bound", "0"], "cannot show it, no number of images shows that"),
        (["--judge", "nowhere.ckpt"], "nowhere.ckpt: no such file or folder (--judge)"),
        (["--judge", "OTHER"], "the task model knows class labels x, y"),
        (["--judge", "GRAY"], "cannot judge images of 3x32x32"),
    ],
)
def test_judges_that_do_not_fit_are_refused_in_one_line_before_the_run_begins(
    args: list[str], message: str, pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = {
        "JUDGE": always(tmp_path / "judge"),
        "OTHER": always(tmp_path / "other", classes=("x", "y")),
        "GRAY": always(tmp_path / "gray", channels=1),
    }
    assert fit(pair, tmp_path / "runs", *(str(named.get(arg, arg)) for arg in args)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "runs").exists()


def test_a_method_that_refines_nothing_is_not_judged(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judge = str(always(tmp_path / "judge"))
    assert fit(pair, tmp_path / "runs", "--judge", judge, recipe="models/task.yaml") == 2
    assert "--judge: Task refines no images" in capsys.readouterr().err
