import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from refine.data.layouts import UnityEyes
from refine.data.open_layout import choose_layout
from refine.labels.gaze import gaze_vector
from tests.data.layouts.contract import LayoutContract, cropped, removed, wrote
from tests.data.layouts.edits import there
from tests.data.layouts.examples.unity_eyes import HEIGHT, WIDTH, description, write_unity_eyes


def broken(**fields: Any) -> str:
    return json.dumps(description((0.0, 0.0, -1.0)) | fields)


DAMAGED = (
    (broken(eye_details={"look_vec": "(0, 0, 0, 0)"}), "look_vec is .* which points nowhere"),
    (broken(eye_details={"look_vec": "(0.1, nan, -1, 0)"}), r"look_vec is '\(0\.1, nan, -1, 0\)'; expected"),
    (broken(eye_details={"look_vec": "__import__('os')"}), "look_vec is .*; expected '"),
    (broken(eye_details={"look_vec": "(0,1, -0,3, -0,9, 0,0)"}), "look_vec is .*; expected '"),
    (broken(eye_details=[]), "look_vec is 'None'"),
    (broken(iris_2d=["(1, 2, 3)"] * 31), "expected 32 points in iris_2d, found 31"),
    (broken(caruncle_2d=None), "expected 7 points in caruncle_2d, found none"),
    (broken(iris_2d=["(1, 2, 3)"] * 31 + ["(1, 2)"]), r"iris_2d\[31\] is '\(1, 2\)'; expected"),
    ("[]", "Expected `object`, got `array`"),
    ("{", "not JSON"),
    ("[" * 100_000, "not JSON"),
)


class TestContract(LayoutContract):
    layout, write = UnityEyes, staticmethod(write_unity_eyes)
    why = r"imgs/1\.json beside imgs/1\.jpg has look_vec and interior_margin_2d"
    keys = ("imgs/1.jpg", "imgs/2.jpg", "imgs/3.jpg")
    faults = (
        (removed("imgs/1.json"), r"/imgs/1\.jpg: an image without a label; "),
        (removed("imgs/2.jpg"), r"/imgs/2\.json: a label without an image; "),
        (wrote("imgs/3.png", ""), r"/imgs/3\.png: shares .*/imgs/3\.json with .*/imgs/3\.jpg; "),
    )
    errors = (
        (
            cropped("imgs/1.jpg", 12, 16),
            r"1\.json: the iris lies at x 32, y -12, outside of .*imgs/1\.jpg, which is 12x16 \(height x width\)",
        ),
        *((wrote("imgs/1.json", text), rf"imgs/1\.json: .*{message}") for text, message in DAMAGED),
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_unity_eyes(tmp_path)


def test_the_example_is_read_exactly(root: Path) -> None:
    layout = UnityEyes(root)
    straight, right, low = layout.records()
    assert right.label_files == (root / "imgs/2.json",)
    assert layout.label_space.names == ("pitch", "yaw")
    assert layout.label(straight).tolist() == pytest.approx([0.0, 0.0])
    assert layout.label(right).tolist() == pytest.approx([0.0, -0.6435], abs=1e-4)  # right in the image: negative yaw
    assert layout.label(low).tolist() == pytest.approx([-0.5236, 0.1157], abs=1e-3)  # down: negative pitch


def test_gaze_is_in_the_axes_of_the_camera_and_agrees_with_the_angles(root: Path) -> None:
    layout = UnityEyes(root)
    found = layout.annotation(layout.records()[2])
    assert found.gaze is not None
    assert found.gaze.tolist() == pytest.approx([-0.1, 0.5, -0.8602], abs=1e-4)  # y down, where Unity has it up
    torch.testing.assert_close(gaze_vector(there(found.targets)), found.gaze)


def test_landmarks_count_y_from_the_top(root: Path) -> None:
    layout = UnityEyes(root)
    keypoints = there(layout.annotation(layout.records()[1]).keypoints)
    assert keypoints.shape == (16 + 7 + 32, 2)
    assert keypoints.dtype == torch.float32
    assert keypoints.canvas_size == (HEIGHT, WIDTH)
    place = dict(zip(layout.label_space.keypoints, keypoints.tolist(), strict=True))
    assert place["interior_margin_0"] == pytest.approx([16.0, 24.0])
    assert place["interior_margin_4"] == pytest.approx([32.0, 17.0], abs=1e-4)  # the upper lid is above the middle
    assert place["interior_margin_8"] == pytest.approx([48.0, 24.0])
    assert place["caruncle_0"] == pytest.approx([15.0, 25.0])
    assert place["iris_0"] == pytest.approx([44.2, 24.0])
    assert layout.label_space.swaps == ()


def test_numbered_images_with_other_json_files_are_something_else(root: Path) -> None:
    (root / "imgs/1.json").write_text('{"version": "5.0.1", "shapes": []}')
    assert choose_layout(root).layout is not UnityEyes


def test_numbers_may_stand_without_a_fourth(root: Path) -> None:
    (root / "imgs/1.json").write_text(broken(eye_details={"look_vec": "(0, 0, -2)"}))
    layout = UnityEyes(root)
    gaze = there(layout.annotation(layout.records()[0]).gaze)
    assert gaze.tolist() == [0.0, 0.0, -1.0]


def test_listing_opens_no_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Callable[..., None]:
        raise AssertionError("opened")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Image, "open", refuse)
    assert len(UnityEyes(root).records()) == 3
