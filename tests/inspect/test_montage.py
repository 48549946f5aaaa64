from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.tv_tensors import BoundingBoxes, KeyPoints, Mask

from refine.data.annotation import Annotation, Objects
from refine.data.open_layout import open_layout
from refine.data.samples import LabelSpace
from refine.inspect.montage import Montage, montage, sheet
from refine.inspect.reading import read_dataset
from refine.report.kit.overlay import caption, class_colors, draw_label, line_of_sight
from tests.inspect.datasets import class_folders, mask_folders

SPACE = LabelSpace("mask", ("sky", "road"), ((0, 0, 255), (255, 0, 0)))


def blank(width: int = 80, height: int = 60) -> Image.Image:
    return Image.new("RGB", (width, height), (100, 100, 100))


def box_of(change: Image.Image, before: Image.Image) -> tuple[int, int, int, int]:
    """Where two pictures differ."""
    rows, columns = np.nonzero((np.asarray(change) != np.asarray(before)).any(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


def objects(boxes: list[list[float]], classes: list[int], **more: object) -> Annotation:
    tensor = BoundingBoxes(torch.tensor(boxes), format="XYXY", canvas_size=(30, 40))
    return Annotation(objects=Objects(tensor, torch.tensor(classes), **more))  # type: ignore[arg-type]  # a test's own


def test_a_mask_lies_over_the_image_and_void_does_not() -> None:
    mask = Mask(torch.tensor([[0, 1], [255, 1]]))
    drawn = draw_label(blank(), Annotation(mask=mask), SPACE, (2, 2))
    assert drawn.getpixel((10, 10)) == pytest.approx((50, 50, 178), abs=2)
    assert drawn.getpixel((70, 50)) == pytest.approx((178, 50, 50), abs=2)
    assert drawn.getpixel((10, 50)) == (100, 100, 100)


def test_a_box_is_drawn_where_it_lies_in_its_own_color() -> None:
    space = SPACE._replace(kind="objects")
    drawn = draw_label(blank(), objects([[10, 15, 30, 25]], [1]), space, (30, 40))
    left, top, right, bottom = box_of(drawn, blank())
    assert (left, top, bottom) == (20, 30, 50)
    assert right in {60, 61}
    assert drawn.getpixel((60, 48)) == (255, 0, 0)


def test_polygons_and_keypoints_are_drawn_and_unlabeled_points_are_not() -> None:
    space = LabelSpace("objects", ("car",), keypoints=("a", "b"))
    points = KeyPoints(torch.tensor([[[35.0, 5.0], [5.0, 5.0]]]), canvas_size=(30, 40))
    plain = objects([[10, 15, 30, 25]], [0])
    pointed = objects([[10, 15, 30, 25]], [0], keypoints=points, visible=torch.tensor([[2, 0]]))
    ring = torch.tensor([[2.0, 28.0], [38.0, 28.0], [20.0, 29.0]])
    outlined = objects([[10, 15, 30, 25]], [0], polygons=((ring,),))
    first = draw_label(blank(), plain, space, (30, 40))
    assert box_of(draw_label(blank(), pointed, space, (30, 40)), first) == pytest.approx((67, 7, 73, 13), abs=1)
    assert box_of(draw_label(blank(), outlined, space, (30, 40)), first) == pytest.approx((4, 56, 76, 58), abs=1)


def test_a_box_that_is_no_box_is_left_out() -> None:
    space = SPACE._replace(kind="objects")
    bad = objects([[30, 15, 10, 25], [float("nan"), 0, 1, 1]], [0, 1])
    assert draw_label(blank(), bad, space, (30, 40)).tobytes() == blank().tobytes()


@pytest.mark.parametrize(
    ("pitch", "yaw", "right", "down"), [(0.0, 0.7, -1, 0), (0.0, -0.7, 1, 0), (0.7, 0.0, 0, -1), (-0.7, 0.0, 0, 1)]
)
def test_the_gaze_arrow_points_where_the_eye_looks_in_the_image(
    pitch: float, yaw: float, right: int, down: int
) -> None:
    space = LabelSpace("targets", ("yaw", "pitch"))
    annotation = Annotation(targets=torch.tensor([yaw, pitch]))
    drawn = draw_label(blank(80, 80), annotation, space, (80, 80))
    box = box_of(drawn, blank(80, 80))
    middle = ((box[0] + box[2]) / 2 - 40, (box[1] + box[3]) / 2 - 40)
    assert np.sign(np.round(np.array(middle) / 5)).tolist() == [right, down]


def test_a_gaze_vector_comes_before_angles_and_other_targets_have_none() -> None:
    vector = torch.tensor([1.0, 0.0, 0.0])
    space = LabelSpace("targets", ("pitch", "yaw"))
    both = Annotation(targets=torch.zeros(2), gaze=vector)
    assert line_of_sight(both, space) is vector
    assert line_of_sight(Annotation(targets=torch.zeros(2)), LabelSpace("targets", ("x", "y"))) is None


def test_classes_and_targets_are_said() -> None:
    assert caption(Annotation(class_id=torch.tensor(1)), SPACE) == "road"
    space = LabelSpace("targets", ("pitch", "yaw"))
    assert caption(Annotation(targets=torch.tensor([0.25, -0.0])), space) == "pitch 0.25, yaw 0"


def test_made_up_colors_differ_and_own_ones_are_kept() -> None:
    assert class_colors(SPACE) == [(0, 0, 255), (255, 0, 0)]
    made_up = class_colors(LabelSpace("mask", tuple("abcdefghijklmnopqrstuvwxyz")))
    assert len(set(made_up)) == 26
    twice = LabelSpace("mask", ("a", "b"), ((1, 1, 1), (1, 1, 1)))
    assert len(set(class_colors(twice))) == 2


def shots(root: Path, count: int = 12) -> Montage:
    return montage(read_dataset(open_layout("auto", root)), count)


def test_tiles_are_spread_over_the_classes(tmp_path: Path) -> None:
    found = shots(class_folders(tmp_path, 20), 4)
    assert [tile.caption for tile in found.tiles] == ["a", "a", "b", "b"]
    assert found.legend == []
    assert found.tiles[0].picture.size == (288, 216)  # small images are enlarged by a whole factor


def test_the_legend_names_the_classes_of_the_tiles(tmp_path: Path) -> None:
    found = shots(mask_folders(tmp_path, 2))
    assert [entry.name for entry in found.legend] == ["sky", "road", "car"]


def test_an_unreadable_label_leaves_its_image(tmp_path: Path) -> None:
    (mask_folders(tmp_path, 2) / "masks/001.png").write_bytes(b"")
    assert [tile.caption for tile in shots(tmp_path).tiles] == ["", "its label cannot be read"]


def test_an_unreadable_image_has_no_tile(tmp_path: Path) -> None:
    (mask_folders(tmp_path, 3) / "images/001.png").write_bytes(b"")
    assert [tile.key for tile in shots(tmp_path).tiles] == ["images/000.png", "images/002.png"]


def test_the_sheet_holds_all_tiles_and_the_legend(tmp_path: Path) -> None:
    found = shots(mask_folders(tmp_path, 6))
    whole = sheet(found)
    pixels = {color for _, color in whole.getcolors(1 << 24) or []}
    assert all(entry.color in pixels for entry in found.legend)
    assert whole.width >= 4 * 192
    assert whole.height >= 2 * 144
    assert sheet(Montage([], [])).width > 0
