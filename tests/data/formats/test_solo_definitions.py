import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from refine.data.layouts.solo import Solo
from refine.data.open_layout import open_layout
from refine.errors import InputError
from tests.data.layouts.edits import FRAME, annotations, edit_definitions, edit_json
from tests.data.layouts.examples.solo import write_solo


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
