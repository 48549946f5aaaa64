from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from refine.data.layouts.solo import Solo
from refine.errors import InputError
from tests.data.layouts.contract import Change, LayoutContract, cropped
from tests.data.layouts.edits import FRAME, annotations, edit_json, there, without
from tests.data.layouts.examples.solo import HEIGHT, WIDTH, write_solo

NOT_AS_WRITTEN = r"frame_data\.json: not as Unity Perception writes it"


def framed(change: Callable[[Any], object]) -> Change:
    return lambda root: edit_json(root / FRAME, change)


class TestObjects(LayoutContract):
    layout, write, options = Solo, staticmethod(write_solo), (("labels", "objects"),)
    errors = (
        (cropped("sequence.0/step0.camera.png", 64, 96), r"frame_data\.json: says 32x48 .* is 64x96"),
        (
            cropped("sequence.0/step0.camera.instance segmentation.png", 16, 24),
            r"instance segmentation\.png: 16x24 .*needs its image's size",
        ),
        (
            framed(lambda frame: annotations(frame, "InstanceSegmentation").update(filename="../../secret.png")),
            r"names '\.\./\.\./secret\.png', which is not beside it",
        ),
        (framed(lambda frame: frame.update(captures=[3])), NOT_AS_WRITTEN),
        (framed(lambda frame: frame["captures"][0].update(dimension=["wide", 2])), NOT_AS_WRITTEN),
        (framed(lambda frame: frame["captures"][0]["annotations"][0].pop("@type")), NOT_AS_WRITTEN),
        (
            framed(lambda frame: annotations(frame, "BoundingBox2D")["values"][0].update(origin=[float("nan"), 2])),
            NOT_AS_WRITTEN,
        ),
        (framed(lambda frame: annotations(frame, "BoundingBox2D")["values"][0].pop("labelId")), NOT_AS_WRITTEN),
        (
            framed(lambda frame: annotations(frame, "InstanceSegmentation")["instances"][0].update(color="red")),
            NOT_AS_WRITTEN,
        ),
        (
            framed(lambda frame: annotations(frame, "Keypoint")["values"][0]["keypoints"][0].update(location=[5])),
            NOT_AS_WRITTEN,
        ),
    )


def test_instances_have_the_numbers_that_the_frame_gives_their_colors(tmp_path: Path) -> None:
    layout = Solo(write_solo(tmp_path))
    instances = layout.annotation(layout.records()[0]).instances
    expected = torch.zeros(HEIGHT, WIDTH, dtype=torch.int64)
    expected[10:18, 4:16], expected[6:26, 20:28] = 3, 1
    assert torch.equal(there(instances).as_subclass(torch.Tensor), expected)


def test_objects_have_boxes_classes_by_gapped_id_masks_and_keypoints_of_the_same_instance(tmp_path: Path) -> None:
    layout = Solo(write_solo(tmp_path), labels="objects")
    space = layout.label_space
    assert (space.kind, space.names) == ("objects", ("Crate", "Terrain", "Character"))
    assert space.keypoints == ("nose", "right_eye", "left_eye")
    assert space.swaps == ((2, 1),)
    found = layout.annotation(layout.records()[0])
    objects = found.objects
    assert found.mask is None  # other classes than the boxes'
    assert objects is not None
    assert objects.boxes.tolist() == [[4, 10, 16, 18], [20, 6, 28, 26]]
    assert objects.boxes.canvas_size == (HEIGHT, WIDTH)
    assert objects.classes.tolist() == [0, 2]
    assert objects.masks is not None
    assert objects.masks.sum(dim=(1, 2)).tolist() == [12 * 8, 8 * 20]
    assert objects.masks[0, 10:18, 4:16].all()
    assert there(objects.keypoints)[1].tolist() == [[24.25, 9.5], [22.0, 8.0], [0.0, 0.0]]
    assert there(objects.visible).tolist() == [[0, 0, 0], [2, 1, 0]]
    empty = there(layout.annotation(layout.records()[2]).objects)
    assert empty.boxes.shape == (0, 4)
    assert there(empty.masks).shape == (0, HEIGHT, WIDTH)


def test_frames_without_boxes_take_their_objects_from_the_instances(tmp_path: Path) -> None:
    write_solo(tmp_path)
    edit_json(tmp_path / FRAME, lambda frame: without("BoundingBox2D")(frame["captures"][0]["annotations"]))
    layout = Solo(tmp_path, labels="objects")
    objects = there(layout.annotation(layout.records()[0]).objects)
    assert objects.boxes.tolist() == [[4, 10, 16, 18], [20, 6, 28, 26]]


def test_keypoints_of_objects_out_of_sight_are_left_out(tmp_path: Path) -> None:
    write_solo(tmp_path)
    edit_json(tmp_path / FRAME, lambda frame: annotations(frame, "BoundingBox2D")["values"].pop())
    layout = Solo(tmp_path, labels="objects")
    objects = there(layout.annotation(layout.records()[0]).objects)
    assert there(objects.visible).tolist() == [[0, 0, 0]]


def test_unknown_colors_and_ids_are_refused(tmp_path: Path) -> None:
    write_solo(tmp_path)
    layout = Solo(tmp_path, labels="objects")
    record = layout.records()[0]
    original = (tmp_path / FRAME).read_text()
    edit_json(tmp_path / FRAME, lambda frame: annotations(frame, "BoundingBox2D")["values"][0].update(labelId=2))
    with pytest.raises(InputError, match=r"frame_data\.json: label id 2 is none of"):
        layout.annotation(record)
    (tmp_path / FRAME).write_text(original)
    edit_json(
        tmp_path / FRAME, lambda frame: annotations(frame, "Keypoint")["values"][0]["keypoints"][0].update(index=8)
    )
    with pytest.raises(InputError, match="keypoint 8 with state 2 is not in the template"):
        layout.annotation(record)
    (tmp_path / FRAME).write_text(original)
    for name in ("instance", "semantic"):
        path = tmp_path / f"sequence.0/step0.camera.{name} segmentation.png"
        pixels = np.array(Image.open(path))
        pixels[0, 0, :3] = 1, 2, 3
        Image.fromarray(pixels).save(path)
    with pytest.raises(InputError, match=r"instance segmentation\.png: color \(1, 2, 3\) is no instance's"):
        layout.annotation(record)
    edit_json(tmp_path / FRAME, lambda frame: without("InstanceSegmentation")(frame["captures"][0]["annotations"]))
    with pytest.raises(InputError, match=r"semantic segmentation\.png: color \(1, 2, 3\)"):
        Solo(tmp_path).annotation(record)
