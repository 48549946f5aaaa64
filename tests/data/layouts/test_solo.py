from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from refine.data.layouts.solo import Solo
from refine.errors import InputError
from refine.labels import IGNORE
from tests.data.layouts.contract import Change, LayoutContract, removed, wrote
from tests.data.layouts.edits import FRAME, annotations, edit_definitions, edit_json, there, without
from tests.data.layouts.examples.solo import HEIGHT, WIDTH, write_solo

MASK = "sequence.1/step0.camera.semantic segmentation.png"
NOT_AS_WRITTEN = r"annotation_definitions\.json: not as Unity Perception writes it \("
MANY = [{"labelName": f"thing {number}", "pixelValue": [number, 1, 1, 255]} for number in range(256)]


def defined(change: Callable[[list[Any]], object]) -> Change:
    return lambda root: edit_definitions(root, change)


def framed(change: Callable[[Any], object]) -> Change:
    return lambda root: edit_json(root / FRAME, change)


def unnamed_colors(root: Path) -> None:
    edit_definitions(root, lambda rows: rows[4].pop("spec"))  # so that the frames are asked for the colors
    edit_json(root / FRAME, lambda frame: annotations(frame, "SemanticSegmentation").update(instances=[{}]))


class TestContract(LayoutContract):
    layout, write, why = Solo, staticmethod(write_solo), r"sequence\.0/step0\.frame_data\.json"
    keys = ("sequence.0/step0.camera.png", "sequence.1/step0.camera.png", "sequence.1/step0.camera_right.png")
    faults = (
        (removed(FRAME), r"sequence\.0/step0\.camera\.png: an image without a label; restore its frame"),
        (
            wrote("sequence.0/step7.frame_data.json", "{}"),
            r"step7\.frame_data\.json: a label without its image; restore it, or remove this file$",
        ),
    )
    errors = (
        (removed(MASK), r"names 'step0\.camera\.semantic segmentation\.png', which is not beside it"),
        (wrote(FRAME, '{"captures": ['), r"frame_data\.json: not JSON"),
        (wrote(FRAME, "[]"), r"frame_data\.json: Expected `object`, got `array`"),
        (wrote(FRAME, '{"captures": []}'), r"frame_data\.json: no capture of step0\.camera\.png"),
        (framed(lambda frame: frame["captures"][0].pop("dimension")), r"\(an entry lacks the field dimension\)"),
    )
    refused = (
        (removed("annotation_definitions.json"), r"annotation_definitions\.json: no such file; Unity writes it when"),
        (defined(lambda rows: rows[3]["spec"][0].update(label_name="Chest")), "label id 1 is Crate and Chest"),
        (defined(lambda rows: rows[4].update(spec=MANY)), r"definitions\.json: 256 classes of masks; at most 255"),
        (unnamed_colors, r"frame_data\.json: not as Unity Perception writes it"),
        (
            lambda root: edit_json(
                root / "sensor_definitions.json", lambda value: value["sensorDefinitions"][1].pop("id")
            ),
            r"sensor_definitions\.json: not as Unity .* writes it \(sensorDefinitions\[1\] lacks the field id\)",
        ),
        (defined(lambda rows: rows.append(3)), NOT_AS_WRITTEN),
        (defined(lambda rows: rows[1]["spec"][0].update(label_id="one")), NOT_AS_WRITTEN),
        (defined(lambda rows: rows[4]["spec"][0].update(pixelValue=[1, 2])), NOT_AS_WRITTEN),
        (defined(lambda rows: rows[4]["spec"][0].update(pixelValue=[float("inf")] * 3)), NOT_AS_WRITTEN),
        (defined(lambda rows: rows[0].update(template=None)), NOT_AS_WRITTEN),
        (
            defined(lambda rows: rows[1].pop("@type")),
            NOT_AS_WRITTEN + r"annotationDefinitions\[1\] lacks the field @type",
        ),
        (
            defined(lambda rows: rows[1].pop("id")),
            NOT_AS_WRITTEN + r"annotationDefinitions\[1\] \(BoundingBox2DAnnotation\) lacks the field id",
        ),
        (
            defined(lambda rows: rows[1]["spec"][2].pop("label_name")),
            NOT_AS_WRITTEN + r".*\[1\] \(BoundingBox2DAnnotation\)\.spec\[2\] lacks the field label_name",
        ),
        (
            defined(lambda rows: rows[4]["spec"][1].pop("pixelValue")),
            NOT_AS_WRITTEN + r"color 1 of SemanticSegmentationAnnotation \(Crate\) lacks the field pixelValue",
        ),
        (
            defined(lambda rows: rows[0].pop("template")),
            NOT_AS_WRITTEN + r".*\[0\] \(KeypointAnnotation\) lacks the field templ",
        ),
        (
            defined(lambda rows: rows[0]["template"]["keypoints"][1].pop("label")),
            NOT_AS_WRITTEN + r".*\[0\] \(KeypointAnnotation\)\.keypoints\[1\] lacks the field label",
        ),
    )


def test_every_camera_of_every_frame_is_a_record_with_all_files_that_belong_to_it(tmp_path: Path) -> None:
    layout = Solo(write_solo(tmp_path))
    assert layout.records()[1].image == tmp_path / "sequence.1/step0.camera.png"
    assert [path.name for path in layout.records()[1].label_files] == [
        "step0.frame_data.json",
        "step0.camera.Depth.exr",
        "step0.camera.instance segmentation.png",
        "step0.camera.semantic segmentation.png",
    ]


def test_masks_have_the_definitions_classes_and_black_is_no_class(tmp_path: Path) -> None:
    layout = Solo(write_solo(tmp_path))
    space = layout.label_space
    assert (space.kind, space.names) == ("mask", ("Character", "Crate", "Terrain", "sky"))
    assert space.colors[3] == (106, 152, 235)
    mask = layout.annotation(layout.records()[0]).mask
    expected = torch.full((HEIGHT, WIDTH), IGNORE)
    expected[:4], expected[10:18, 4:16], expected[6:26, 20:28] = 3, 1, 0
    assert torch.equal(there(mask).as_subclass(torch.Tensor), expected)
    assert torch.equal(layout.label(layout.records()[0]).as_subclass(torch.Tensor), expected)


def test_objects_come_along_with_masks_where_the_masks_know_all_of_their_classes(tmp_path: Path) -> None:
    layout = Solo(write_solo(tmp_path))
    objects = there(layout.annotation(layout.records()[0]).objects)
    assert [layout.label_space.names[index] for index in objects.classes] == ["Crate", "Character"]
    edit_definitions(tmp_path, lambda rows: rows[1]["spec"].append({"label_id": 9, "label_name": "Unpainted"}))
    assert Solo(tmp_path).annotation(layout.records()[0]).objects is None


def test_auto_falls_back_to_objects_and_then_to_none(tmp_path: Path) -> None:
    write_solo(tmp_path)
    edit_definitions(tmp_path, without("SemanticSegmentation"))
    assert Solo(tmp_path).label_space.kind == "objects"
    edit_definitions(tmp_path, without("BoundingBox2D", "InstanceSegmentation"))
    assert Solo(tmp_path).label_space.kind == "none"
    with pytest.raises(InputError, match=r"defines no mask .* in a YAML file for --layout: .*`labels: auto`"):
        Solo(tmp_path, labels="mask")
    with pytest.raises(InputError, match="defines no objects"):
        Solo(tmp_path, labels="objects")


def test_versions_that_define_no_colors_name_them_in_their_frames(tmp_path: Path) -> None:
    write_solo(tmp_path)
    edit_definitions(tmp_path, lambda rows: rows[4].pop("spec"))
    edit_json(
        tmp_path / FRAME,
        lambda frame: annotations(frame, "SemanticSegmentation")["instances"].append(
            {"labelName": "sky", "pixelValue": [106, 152, 235, 255]}
        ),
    )
    layout = Solo(tmp_path)
    assert layout.label_space.names == ("Character", "Crate", "sky")
    mask = there(layout.annotation(layout.records()[0]).mask)
    assert mask[12, 6] == 1


def test_cameras_are_told_by_name_where_no_file_defines_them(tmp_path: Path) -> None:
    before = Solo(write_solo(tmp_path)).records()
    (tmp_path / "sensor_definitions.json").unlink()
    assert Solo(tmp_path).records() == before


def test_missing_masks_and_images_are_faults(tmp_path: Path) -> None:
    write_solo(tmp_path)
    (tmp_path / MASK).unlink()
    (tmp_path / "sequence.1/step0.camera_right.png").unlink()
    layout = Solo(tmp_path)
    told = "\n".join(layout.faults)
    assert f"{tmp_path / 'sequence.1/step0.camera.png'}: an image without a mask; restore step0.camera.sem" in told
    assert f"{tmp_path / 'sequence.1/step0.camera_right.Depth.exr'}: a label without its image" in told
    assert len(layout.faults) == 4


def test_a_color_that_two_labels_share_is_one_class_and_a_labels_black_is_no_void(tmp_path: Path) -> None:
    write_solo(tmp_path)

    def change(rows: list[Any]) -> None:
        rows[4]["spec"] += [
            {"labelName": "Box", "pixelValue": [0, 255, 43, 255]},
            {"labelName": "Night", "pixelValue": [0, 0, 0, 255]},
        ]

    edit_definitions(tmp_path, change)
    layout = Solo(tmp_path)
    assert layout.label_space.names == ("Character", "Crate/Box", "Terrain", "sky", "Night")
    mask = there(layout.annotation(layout.records()[0]).mask)
    assert mask[30, 40] == 4
