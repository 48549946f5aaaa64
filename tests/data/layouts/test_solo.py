import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from refine.data.layouts.solo import Solo
from refine.data.open_layout import choose, open_layout, recognized
from refine.errors import InputError
from refine.labels import IGNORE
from tests.data.layouts.edits import FRAME, annotations, edit_definitions, edit_json, there, without
from tests.data.layouts.examples.solo import HEIGHT, WIDTH, write_solo


def test_every_camera_of_every_frame_is_a_record_with_all_files_that_belong_to_it(tmp_path: Path) -> None:
    layout = Solo(write_solo(tmp_path))
    assert layout.faults == []
    keys = [record.key for record in layout.records()]
    assert keys == ["sequence.0/step0.camera.png", "sequence.1/step0.camera.png", "sequence.1/step0.camera_right.png"]
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


def test_auto_takes_it_and_no_other_specific_layout_fits(tmp_path: Path) -> None:
    write_solo(tmp_path)
    choice = choose(tmp_path)
    assert choice.layout is Solo
    assert "sequence.0/step0.frame_data.json" in choice.why
    assert [found.layout for found in recognized(tmp_path) if found.layout.specific] == [Solo]
    (tmp_path / "annotation_definitions.json").unlink()
    assert Solo not in [found.layout for found in recognized(tmp_path)]


def test_missing_frames_masks_and_images_are_faults(tmp_path: Path) -> None:
    write_solo(tmp_path)
    (tmp_path / FRAME).unlink()
    (tmp_path / "sequence.1/step0.camera.semantic segmentation.png").unlink()
    (tmp_path / "sequence.1/step0.camera_right.png").unlink()
    layout = Solo(tmp_path)
    assert len(layout.records()) == 2
    told = "\n".join(layout.faults)
    assert f"{tmp_path / 'sequence.0/step0.camera.png'}: an image without a label; restore its frame" in told
    assert f"{tmp_path / 'sequence.1/step0.camera.png'}: an image without a mask; restore step0.camera.sem" in told
    assert f"{tmp_path / 'sequence.1/step0.camera_right.Depth.exr'}: a label without its image" in told
    assert len(layout.faults) == 5
    assert layout.annotation(layout.records()[0]).mask is None
    with pytest.raises(InputError, match=r"names 'step0\.camera.semantic segmentation\.png', which is not beside it"):
        layout.annotation(layout.records()[1])


def test_a_frame_without_any_image_is_a_fault(tmp_path: Path) -> None:
    write_solo(tmp_path)
    (tmp_path / "sequence.0/step7.frame_data.json").write_text("{}")
    assert Solo(tmp_path).faults == [
        f"{tmp_path / 'sequence.0/step7.frame_data.json'}: a label without its image; restore it, or remove this file"
    ]


def test_files_that_are_no_json_are_told_by_name(tmp_path: Path) -> None:
    layout = Solo(write_solo(tmp_path))
    (tmp_path / FRAME).write_text('{"captures": [')
    with pytest.raises(InputError, match=r"frame_data\.json: not JSON"):
        layout.annotation(layout.records()[0])
    (tmp_path / FRAME).write_text("[]")
    with pytest.raises(InputError, match=r"frame_data\.json: Expected `object`, got `array`"):
        layout.annotation(layout.records()[0])
    (tmp_path / FRAME).write_text('{"captures": []}')
    with pytest.raises(InputError, match=r"frame_data\.json: no capture of step0\.camera\.png"):
        layout.annotation(layout.records()[0])
    (tmp_path / "annotation_definitions.json").unlink()
    with pytest.raises(InputError, match=r"annotation_definitions\.json: no such file; Unity writes it when"):
        Solo(tmp_path)


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


def test_a_label_id_with_two_names_is_refused(tmp_path: Path) -> None:
    write_solo(tmp_path)
    edit_definitions(tmp_path, lambda rows: rows[3]["spec"][0].update(label_name="Chest"))
    with pytest.raises(InputError, match="label id 1 is Crate and Chest"):
        Solo(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.append(3),
        lambda rows: rows[0].pop("@type"),
        lambda rows: rows[1].pop("id"),
        lambda rows: rows[1]["spec"][0].update(label_id="one"),
        lambda rows: rows[4]["spec"][0].update(pixelValue=[1, 2]),
        lambda rows: rows[4]["spec"][0].update(pixelValue=[float("inf")] * 3),
        lambda rows: rows[0].update(template=None),
    ],
)
def test_damaged_definitions_are_told_by_name(tmp_path: Path, change: Callable[[Any], object]) -> None:
    write_solo(tmp_path)
    edit_definitions(tmp_path, change)
    with pytest.raises(InputError, match=r"annotation_definitions\.json: not as Unity Perception writes it"):
        Solo(tmp_path)


def test_damaged_cameras_and_frames_are_told_by_name(tmp_path: Path) -> None:
    write_solo(tmp_path)
    edit_definitions(tmp_path, lambda rows: rows[4].pop("spec"))  # so that the frames are asked for the colors
    edit_json(tmp_path / FRAME, lambda frame: annotations(frame, "SemanticSegmentation").update(instances=[{}]))
    with pytest.raises(InputError, match=r"frame_data\.json: not as Unity Perception writes it"):
        Solo(tmp_path)
    edit_json(tmp_path / "sensor_definitions.json", lambda value: value["sensorDefinitions"][0].pop("id"))
    with pytest.raises(InputError, match=r"sensor_definitions\.json: not as Unity Perception writes it"):
        Solo(tmp_path)


def test_more_colors_than_a_mask_can_hold_are_refused(tmp_path: Path) -> None:
    write_solo(tmp_path)
    many = [{"labelName": f"thing {number}", "pixelValue": [number, 1, 1, 255]} for number in range(256)]
    edit_definitions(tmp_path, lambda rows: rows[4].update(spec=many))
    with pytest.raises(InputError, match=r"annotation_definitions\.json: 256 classes of masks; at most 255"):
        Solo(tmp_path)


def test_the_kind_of_labels_is_an_option_of_a_file(tmp_path: Path) -> None:
    write_solo(tmp_path / "dataset")
    (tmp_path / "options.yaml").write_text("layout: solo\nlabels: objects\n")
    assert open_layout(str(tmp_path / "options.yaml"), tmp_path / "dataset").label_space.kind == "objects"
    (tmp_path / "options.yaml").write_text("layout: solo\nlabels: boxes\n")
    with pytest.raises(InputError, match="the layout solo cannot take these options"):
        open_layout(str(tmp_path / "options.yaml"), tmp_path / "dataset")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[1].pop("@type"), "annotationDefinitions[1] lacks the field @type"),
        (lambda rows: rows[1].pop("id"), "annotationDefinitions[1] (BoundingBox2DAnnotation) lacks the field id"),
        (
            lambda rows: rows[1]["spec"][2].pop("label_name"),
            "annotationDefinitions[1] (BoundingBox2DAnnotation).spec[2] lacks the field label_name",
        ),
        (
            lambda rows: rows[4]["spec"][1].pop("pixelValue"),
            "color 1 of SemanticSegmentationAnnotation (Crate) lacks the field pixelValue",
        ),
        (lambda rows: rows[0].pop("template"), "annotationDefinitions[0] (KeypointAnnotation) lacks the field templ"),
        (
            lambda rows: rows[0]["template"]["keypoints"][1].pop("label"),
            "annotationDefinitions[0] (KeypointAnnotation).keypoints[1] lacks the field label",
        ),
    ],
)
def test_the_entry_that_lacks_a_field_is_named(tmp_path: Path, change: Callable[[Any], object], message: str) -> None:
    write_solo(tmp_path)
    edit_definitions(tmp_path, change)
    with pytest.raises(InputError, match=re.escape(f"not as Unity Perception writes it ({message}")):
        Solo(tmp_path)


def test_cameras_and_frames_that_lack_a_field_are_named(tmp_path: Path) -> None:
    write_solo(tmp_path)
    edit_json(tmp_path / FRAME, lambda frame: frame["captures"][0].pop("dimension"))
    layout = Solo(tmp_path)
    with pytest.raises(InputError, match=r"writes it \(an entry lacks the field dimension\)"):
        layout.annotation(layout.records()[0])
    edit_json(tmp_path / "sensor_definitions.json", lambda value: value["sensorDefinitions"][1].pop("id"))
    with pytest.raises(InputError, match=r"writes it \(sensorDefinitions\[1\] lacks the field id\)"):
        Solo(tmp_path)
