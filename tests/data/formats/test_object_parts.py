from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.tv_tensors import BoundingBoxFormat

from refine.data.formats.object_parts import boxes_of, keypoints_of, require_stated_size
from refine.errors import InputError


def test_boxes_are_corners_on_their_image() -> None:
    boxes = boxes_of([(1, 2, 3.5, 4)], (5, 6))
    assert boxes.tolist() == [[1, 2, 3.5, 4]]
    assert (boxes.dtype, boxes.format, boxes.canvas_size) == (torch.float32, BoundingBoxFormat.XYXY, (5, 6))


def test_keypoints_are_grouped_by_object() -> None:
    points = keypoints_of([[(1, 2), (3, 4)], [(5, 6), (7, 8)]], 2, (9, 10))
    assert points.tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert (points.dtype, points.canvas_size) == (torch.float32, (9, 10))


def test_without_objects_the_shapes_stay() -> None:
    assert boxes_of([], (5, 6)).shape == (0, 4)
    assert keypoints_of([], 3, (5, 6)).shape == (0, 3, 2)


def test_a_stated_size_has_to_be_the_images(tmp_path: Path) -> None:
    Image.new("L", (6, 4)).save(tmp_path / "a.png")
    assert require_stated_size((4, 6), "a.xml", tmp_path / "a.png") == (4, 6)
    with pytest.raises(InputError, match=r"^a\.xml: says 6x4 \(height x width\), but .*a\.png is 4x6; a label needs"):
        require_stated_size((6, 4), "a.xml", tmp_path / "a.png")
