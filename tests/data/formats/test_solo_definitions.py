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
