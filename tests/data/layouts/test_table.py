import json
from pathlib import Path

import pytest
from PIL import Image

from refine.data.layouts import Table
from refine.data.open_layout import choose, open_layout
from refine.errors import InputError
from tests.data.layouts.examples.table import put_images, write_table


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return put_images(tmp_path, ("eyes/one.png", "eyes/two, with comma.png"))


GOOD = 'path,pitch,yaw\neyes/one.png,0.1,-0.2\n"eyes/two, with comma.png",3e-1,4\n'


def test_the_example_is_read_exactly_and_recognized(tmp_path: Path) -> None:
    choice = choose(write_table(tmp_path))
    assert choice.layout is Table
    assert choice.why == "gaze.csv has a row of eyes/one.png"
    layout = Table(tmp_path)
    layout.require_whole()
    assert [record.key for record in layout.records()] == ["eyes/one.png", "eyes/two, with comma.png", "three.png"]
    assert {record.label_files for record in layout.records()} == {(tmp_path / "gaze.csv",)}
    labels = [layout.label(record).tolist() for record in layout.records()]
    assert labels == [pytest.approx([0.1, -0.2]), pytest.approx([0.3, 0.4]), pytest.approx([-0.25, 0.0])]
    assert layout.label_space.names == ("pitch", "yaw")
    assert layout.label_space.mirror == (1, -1)


def test_json_lines_give_the_same(images: Path) -> None:
    rows = [
        {"path": "eyes/one.png", "pitch": 0.1, "yaw": -0.2},
        {"path": "eyes/two, with comma.png", "pitch": 0.3, "yaw": 4},
    ]
    (images / "gaze.jsonl").write_text("\n".join(map(json.dumps, rows)))
    layout = Table(images)
    assert layout.label(layout.records()[1]).tolist() == pytest.approx([0.3, 4.0])


def test_columns_can_be_chosen_and_ordered_past_text(images: Path) -> None:
    (images / "gaze.csv").write_text(GOOD.replace("path", "who,path").replace("\n", "\nann,").removesuffix("ann,"))
    text = Table(images)
    text.require_whole()
    assert text.label_space.names == ("pitch", "yaw")  # a column of text is carried along
    assert choose(images).why.endswith("its column who of text: carried along, and not judged")
    layout = Table(images, targets=("yaw", "pitch"))
    layout.require_whole()
    assert layout.label(layout.records()[0]).tolist() == pytest.approx([-0.2, 0.1])
    assert layout.label_space.mirror == (-1, 1)


@pytest.mark.parametrize("column", ["file", "filename", "image", "file_name", "where"])
def test_the_column_with_the_path_has_one_of_the_usual_names_or_is_named(images: Path, column: str) -> None:
    (images / "gaze.csv").write_text(GOOD.replace("path", column))
    layout = Table(images, path_column="where" if column == "where" else None)
    layout.require_whole()
    assert layout.label_space.names == ("pitch", "yaw")
    assert (choose(images).layout is Table) == (column != "where")


@pytest.mark.parametrize(
    ("given", "mirror"),
    [(None, ()), ({"depth": 1}, (1, -1, 1)), ({"depth": -1, "yaw": 1}, (1, 1, -1)), ({"yaw": 1}, ())],
)
def test_what_mirroring_does_is_known_if_it_is_for_every_target(
    images: Path, given: dict[str, int] | None, mirror: tuple[int, ...]
) -> None:
    (images / "gaze.csv").write_text("path,pitch,yaw,depth\neyes/one.png,1,2,3\n")
    assert Table(images, mirror=given).label_space.mirror == mirror


def test_the_options_of_a_file_reach_it(images: Path) -> None:
    (images / "gaze.csv").write_text("path,angle\neyes/one.png,1\n")
    (images / "layout.yaml").write_text("layout: table\ntargets: [angle]\nmirror: {angle: -1}\n")
    assert open_layout(str(images / "layout.yaml"), images).label_space.mirror == (-1,)


@pytest.mark.parametrize("wrong", [{"yaw": 0}, {"roll": 1}])
def test_a_mirror_that_does_not_fit_the_targets_is_refused(images: Path, wrong: dict[str, int]) -> None:
    (images / "gaze.csv").write_text(GOOD)
    with pytest.raises(InputError, match=r"expected 1 or -1 for columns among pitch, yaw"):
        Table(images, mirror=wrong)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (GOOD.splitlines()[0] + "\neyes/one.png,0.1,1\n", "two, with comma.png: an image without a label; add its row"),
        (GOOD + "eyes/three.png,1,2\n", "line 4: a label without an image: 'eyes/three.png'"),
        (GOOD + "../outside.png,1,2\n", "line 4: a label without an image: '../outside.png'"),
        (GOOD + "eyes/one.png,1,2\n", "line 4: 'eyes/one.png' stands twice"),
        (GOOD.replace("-0.2", "left"), "line 2: yaw is 'left'; expected a finite number"),
        (GOOD.replace("-0.2", "nan"), "line 2: yaw is 'nan'"),
        (GOOD.replace("-0.2", ""), "line 2: yaw is ''"),
        (GOOD.replace(",-0.2", ""), "line 2: yaw is None"),
    ],
)
def test_a_fault_names_the_line_and_the_other_rows_stand(images: Path, text: str, fault: str) -> None:
    (images.parent / "outside.png").write_bytes(b"")
    (images / "gaze.csv").write_text(text)
    layout = Table(images)
    (found,) = layout.faults
    assert fault in found
    with pytest.raises(InputError, match=r"gaze\.csv"):
        layout.require_whole()
    assert len(layout.records()) == 2
    assert any(layout.label(record).numel() == 2 for record in layout.records())


def test_an_image_without_a_row_has_no_label(images: Path) -> None:
    (images / "gaze.csv").write_text("path,pitch\neyes/one.png,0.1\n")
    layout = Table(images)
    assert layout.records()[1].label_files == ()
    assert layout.annotation(layout.records()[1]).targets is None


def test_a_folder_needs_one_table_or_its_name(images: Path) -> None:
    with pytest.raises(InputError, match="found none"):
        Table(images)
    (images / "a.csv").write_text(GOOD)
    (images / "b.csv").write_text(GOOD)
    with pytest.raises(InputError, match=r"found a\.csv, b\.csv; name it"):
        Table(images)
    assert len(Table(images, table="a.csv").records()) == 2


@pytest.mark.parametrize("number", ["1e999", "1" + "0" * 400, "[1]", "null"])
def test_a_number_that_does_not_fit_is_a_fault(images: Path, number: str) -> None:
    (images / "gaze.jsonl").write_text(f'{{"path": "eyes/one.png", "pitch": {number}}}')
    assert "line 1: pitch is" in Table(images).faults[0]


@pytest.mark.parametrize(
    "text", ["path,pitch\nother.png,0.1\n", "path,xmin,xmax\neyes/one.png,1,2\n", "path,pitch\n", "\x00"]
)
def test_a_table_of_something_else_is_not_recognized(images: Path, text: str) -> None:
    (images / "gaze.csv").write_text(text)
    assert choose(images).layout is not Table


def test_a_refined_dataset_loads_as_the_one_it_was_made_from(images: Path) -> None:
    (images / "gaze.csv").write_text(GOOD)
    (images / "refine-manifest.jsonl").write_text('{"key": "eyes/one.png"}\n')
    assert len(Table(images).records()) == 2


def test_a_table_without_any_number_is_not_recognized(images: Path) -> None:
    (images / "gaze.csv").write_text("path,photographer\neyes/one.png,Ann\neyes/two.png,Bob\n")
    assert choose(images).layout is not Table


def test_the_first_row_may_lack_its_number(images: Path) -> None:
    (images / "gaze.csv").write_text("path,yaw\neyes/one.png,\neyes/two.png,0.5\n")
    assert choose(images).layout is Table


def test_more_cells_than_the_header_are_a_fault(images: Path) -> None:
    (images / "gaze.csv").write_text("path,yaw\neyes/one.png,0.5,7\n")
    assert any("line 2: what stands beyond the header is ['7']" in fault for fault in Table(images).faults)


def test_columns_of_names_of_the_users_own_are_parted_as_well(images: Path) -> None:
    (images / "a.csv").write_text("Bild;Winkel\neyes/one.png;1,5\n")
    assert Table(images, path_column="Bild").label_space.names == ("Winkel",)
    with pytest.raises(InputError, match=r"found Bild, Winkel; name it in a YAML .*`layout: table`, `path_column: Bi"):
        Table(images)


def test_a_renderers_log_beside_class_folders_is_no_table_of_targets(tmp_path: Path) -> None:
    for name in ("0", "1"):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / name / "a.png")
    rows = [{"path": f"{name}/a.png", "digit": int(name), "font": "Serif.ttf"} for name in ("0", "1")]
    (tmp_path / "parameters.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert choose(tmp_path).layout.name == "class-folders"
    numbers = [{"path": row["path"], "digit": row["digit"]} for row in rows]
    (tmp_path / "parameters.jsonl").write_text("\n".join(map(json.dumps, numbers)))
    assert choose(tmp_path).layout.name == "table"


@pytest.mark.parametrize("value", ["9e99", "inf", "nan", "-1e39"])
def test_what_no_float_holds_is_a_fault_that_names_the_cell(images: Path, value: str) -> None:
    (images / "gaze.csv").write_text(GOOD.replace("-0.2", value))
    (fault,) = Table(images).faults
    assert f"line 2: yaw is {value!r}; expected a finite number" in fault
    assert "`targets: [pitch]`" in fault
