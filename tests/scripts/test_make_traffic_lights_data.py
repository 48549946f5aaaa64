import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.data.images import read_image
from refine.data.layouts import ClassFolders

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_traffic_lights_data.py"
CROPS = ("real_20_0", "real_1020_1", "real_40_2", "real_0_4", "sim_7_0", "sim_8_1", "sim_8_2", "sim_9_4")


def main(*args: object) -> int:
    code: int = runpy.run_path(str(SCRIPT))["main"]([str(arg) for arg in args])
    return code


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """One crop a state and side: red above green, of any size."""
    folder = tmp_path / "crops"
    folder.mkdir()
    for number, name in enumerate(CROPS):
        pixels = np.zeros((138 - 9 * number, 30 + number, 3), np.uint8)
        pixels[: len(pixels) // 2, :, 0] = 200
        pixels[len(pixels) // 2 :, :, 1] = 200
        Image.fromarray(pixels).save(folder / f"{name}.jpg", quality=95)
    (folder / "readme.txt").write_text("not a crop")
    return folder


def test_side_and_state_become_folders_and_names_sort_by_frame(crops: Path, tmp_path: Path) -> None:
    assert main(crops, "--output", tmp_path / "lights") == 0
    keys = sorted(path.relative_to(tmp_path / "lights").as_posix() for path in (tmp_path / "lights").rglob("*.png"))
    assert keys == [
        "real/green/real_0040.png",
        "real/none/real_0000.png",
        "real/red/real_0020.png",
        "real/yellow/real_1020.png",
        "synthetic/green/sim_0008.png",
        "synthetic/none/sim_0009.png",
        "synthetic/red/sim_0007.png",
        "synthetic/yellow/sim_0008.png",
    ]
    for side in ("real", "synthetic"):
        layout = ClassFolders(tmp_path / "lights" / side, ("red", "yellow", "green"))
        assert len(layout.records()) == 3


def test_all_images_have_one_size_and_keep_what_is_above(crops: Path, tmp_path: Path) -> None:
    main(crops, "--output", tmp_path / "lights")
    for path in (tmp_path / "lights").rglob("*.png"):
        image = read_image(path, 3).float()
        assert image.shape == (3, 64, 32)
        assert image[0, :28].mean() > 190
        assert image[1, 36:].mean() > 190


def test_fine_lines_are_averaged_and_not_picked(crops: Path, tmp_path: Path) -> None:
    stripes = np.zeros((640, 320, 3), np.uint8)
    stripes[::2] = 255
    Image.fromarray(stripes).save(crops / "sim_100_0.jpg", quality=95)
    main(crops, "--output", tmp_path / "lights")
    image = read_image(tmp_path / "lights/synthetic/red/sim_0100.png", 3).float()
    assert (image - 127.5).abs().max() < 10


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("real_20_3.jpg", "expected [real|sim]_index_state.jpg with a state out of 0, 1, 2, 4"),
        ("photo.jpg", "expected [real|sim]_index_state.jpg"),
        ("real_020_0.jpg", "a second crop for real/red/real_0020.png"),
        ("sim_11_0.jpg", "cannot be read as an image"),
    ],
)
def test_a_crop_that_cannot_be_placed_or_read_is_named_and_nothing_made(
    crops: Path, tmp_path: Path, name: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (crops / name).write_text("no image")
    assert main(crops, "--output", tmp_path / "lights") == 2
    error = capsys.readouterr().err
    assert error.startswith("make_traffic_lights_data: ")
    assert says in error
    assert error.count("\n") == 1
    assert not (tmp_path / "lights").exists()


def test_a_folder_without_crops_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path, "--output", tmp_path / "lights") == 2
    assert f"{tmp_path}: no crop here" in capsys.readouterr().err


def test_images_of_an_earlier_run_never_stay_in_between(
    crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(crops, "--output", tmp_path / "lights") == 0
    assert main(crops, "--output", tmp_path / "lights") == 2
    assert "real: is there already; remove it" in capsys.readouterr().err
