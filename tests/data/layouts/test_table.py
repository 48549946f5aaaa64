import json
from pathlib import Path

import pytest
from PIL import Image

from refine.data.layouts import Table
from refine.errors import InputError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name in ("eyes/one.png", "eyes/two, with comma.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (4, 4)).save(tmp_path / name)
    return tmp_path


GOOD = 'path,pitch,yaw\neyes/one.png,0.1,-0.2\n"eyes/two, with comma.png",3e-1,4\n'


def test_a_csv_gives_named_targets(images: Path) -> None:
    (images / "gaze.csv").write_text(GOOD)
    layout = Table(images)
    assert layout.label_space.names == ("pitch", "yaw")
    assert layout.label(layout.records()[0]).tolist() == pytest.approx([0.1, -0.2])
    assert layout.label(layout.records()[1]).tolist() == pytest.approx([0.3, 4.0])


def test_json_lines_give_the_same(images: Path) -> None:
    rows = [
        {"path": "eyes/one.png", "pitch": 0.1, "yaw": -0.2},
        {"path": "eyes/two, with comma.png", "pitch": 0.3, "yaw": 4},
    ]
    (images / "gaze.jsonl").write_text("\n".join(map(json.dumps, rows)))
    layout = Table(images)
    assert layout.label(layout.records()[1]).tolist() == pytest.approx([0.3, 4.0])


def test_columns_can_be_chosen_and_ordered(images: Path) -> None:
    (images / "gaze.csv").write_text(GOOD)
    layout = Table(images, targets=("yaw",))
    assert layout.label(layout.records()[0]).tolist() == pytest.approx([-0.2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,pitch\neyes/one.png,0.1\n", r"two, with comma\.png: an image without a label"),
        (GOOD + "eyes/three.png,1,2\n", r"line 4: a label without an image: 'eyes/three\.png'"),
        (GOOD + "../outside.png,1,2\n", r"line 4: a label without an image: '\.\./outside\.png'"),
        (GOOD + "eyes/one.png,1,2\n", r"line 4: 'eyes/one\.png' stands twice"),
        (GOOD.replace("-0.2", "left"), r"line 2: yaw is 'left'; expected a finite number"),
        (GOOD.replace("-0.2", "nan"), r"line 2: yaw is 'nan'"),
        (GOOD.replace("-0.2", ""), r"line 2: yaw is ''"),
        ("file,pitch\neyes/one.png,0.1\n", r"no column 'path'; found file, pitch"),
    ],
)
def test_a_table_that_does_not_fit_its_images_is_refused_with_the_line(images: Path, text: str, message: str) -> None:
    (images / "gaze.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        Table(images)


def test_a_folder_needs_one_table_or_its_name(images: Path) -> None:
    with pytest.raises(InputError, match="found none"):
        Table(images)
    (images / "a.csv").write_text(GOOD)
    (images / "b.csv").write_text(GOOD)
    with pytest.raises(InputError, match=r"found a\.csv, b\.csv; name it"):
        Table(images)
    assert len(Table(images, table="a.csv").records()) == 2


def test_a_line_that_is_not_json_is_named(images: Path) -> None:
    (images / "gaze.jsonl").write_text('{"path": "eyes/one.png", "pitch": 1}\n{"path": ')
    with pytest.raises(InputError, match=r"gaze\.jsonl, line 2: not JSON"):
        Table(images)


def test_a_refined_dataset_loads_as_the_one_it_was_made_from(images: Path) -> None:
    (images / "gaze.csv").write_text(GOOD)
    (images / "refine-manifest.jsonl").write_text('{"key": "eyes/one.png"}\n')
    assert len(Table(images).records()) == 2
