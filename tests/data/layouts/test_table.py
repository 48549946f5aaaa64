import json
from pathlib import Path

import pytest
from PIL import Image

from refine.data.layouts import ClassFolders, ClassTable, Table
from refine.data.open_layout import choose, open_layout
from refine.errors import InputError
from tests.data.layouts.contract import LayoutContract, edited
from tests.data.layouts.examples.class_table import write_class_table
from tests.data.layouts.examples.table import put_images, write_table


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return put_images(tmp_path, ("eyes/one.png", "eyes/two, with comma.png"))


GOOD = 'path,pitch,yaw\neyes/one.png,0.1,-0.2\n"eyes/two, with comma.png",3e-1,4\n'


def test_the_example_is_read_exactly(tmp_path: Path) -> None:
    layout = Table(write_table(tmp_path))
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


class TestClassTable(LayoutContract):
    layout, write = ClassTable, staticmethod(write_class_table)
    why = r"metadata\.csv has a row of train/0001\.png with label red"
    keys = ("train/0001.png", "train/0002.png", "train/0003.png")
    faults = ((edited("metadata.csv", "train/0002.png,green,sim\n", ""), r"train/0002\.png: an image without a label"),)


class TestTable(LayoutContract):
    layout, write, why = Table, staticmethod(write_table), r"gaze\.csv has a row of eyes/one\.png"
    keys = ("eyes/one.png", "eyes/two, with comma.png", "three.png")
    faults = ((edited("gaze.csv", '"three.png",-0.25,0.0\n', ""), r"/three\.png: an image without a label; add its"),)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    return put_images(tmp_path, ("a.png", "b.png", "c.png"))


def labels(layout: ClassTable) -> list[int | None]:
    found = [layout.annotation(record).class_id for record in layout.records()]
    return [None if label is None else int(label) for label in found]


def test_the_example_of_classes_is_read_exactly(tmp_path: Path) -> None:
    layout = ClassTable(write_class_table(tmp_path))
    assert layout.label_space.kind == "class"
    assert layout.label_space.names == ("green", "red")
    assert labels(layout) == [1, 0, 1]
    assert layout.records()[0].label_files == (tmp_path / "metadata.csv",)


def test_names_give_the_order(tmp_path: Path) -> None:
    layout = open_layout("class-table", write_class_table(tmp_path), classes=("red", "amber", "green"))
    assert isinstance(layout, ClassTable)
    assert labels(layout) == [0, 2, 0]


def test_whole_numbers_are_ordered_by_value(three: Path) -> None:
    (three / "labels.csv").write_text("file,class\na.png,10\nb.png,9\nc.png,10\n")
    assert choose(three).layout is ClassTable
    layout = ClassTable(three)
    assert layout.label_space.names == ("9", "10")
    assert labels(layout) == [1, 0, 1]


def test_numbers_stand_for_names_in_their_order(three: Path) -> None:
    rows = [{"image": f"{name}.png", "category": number} for number, name in enumerate("abc")]
    (three / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert labels(ClassTable(three, classes=("red", "yellow", "green"))) == [0, 1, 2]
    assert labels(ClassTable(three, classes=("2", "1", "0"))) == [2, 1, 0]


def test_columns_of_other_names_are_named(three: Path) -> None:
    (three / "labels.csv").write_text("where,what\na.png,x\nb.png,y\nc.png,x\n")
    assert labels(ClassTable(three, path_column="where", class_column="what")) == [0, 1, 0]
    with pytest.raises(InputError, match="no column label or class or category; found where, what; name it"):
        ClassTable(three, path_column="where")


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("path,label\na.png,red\n", ClassTable),
        ("path,label\na.png,3\n", ClassTable),
        ("path,label,split\na.png,3,train\n", ClassTable),
        ("path,label,pitch\na.png,red,0.5\n", ClassTable),
        ("path,label,pitch\na.png,3,0.5\n", Table),
        ("path,label\na.png,0.25\n", Table),
        ("path,pitch\na.png,3\n", Table),
        ("path,label\na.png,\n", Table),
    ],
)
def test_text_is_a_class_and_numbers_are_targets(three: Path, text: str, layout: type[Table | ClassTable]) -> None:
    (three / "labels.csv").write_text(text)
    assert choose(three).layout is layout


def test_it_yields_no_table_of_numbers_and_beats_class_folders(tmp_path: Path) -> None:
    assert choose(write_table(tmp_path / "numbers")).layout is Table
    root = put_images(tmp_path / "folders", ("x/a.png", "y/b.png"))
    assert choose(root).layout is ClassFolders
    (root / "labels.csv").write_text("path,label\nx/a.png,red\ny/b.png,red\n")
    assert choose(root).layout is ClassTable


def test_a_name_of_very_many_digits_is_a_name(three: Path) -> None:
    (three / "labels.csv").write_text(f"path,label\na.png,{'9' * 5000}\nb.png,10\nc.png,9\n")
    assert labels(ClassTable(three)) == [2, 0, 1]
    assert len(ClassTable(three, classes=("x",)).faults) == 3


GOOD_CLASSES = "path,label\na.png,red\nb.png,green\nc.png,red\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (GOOD_CLASSES.replace("c.png,red\n", ""), "c.png: an image without a label; add its row to"),
        (GOOD_CLASSES + "../d.png,red\n", "line 5: a label without an image: '../d.png'"),
        (GOOD_CLASSES + "a.png,red\n", "line 5: 'a.png' stands twice"),
        (GOOD_CLASSES.replace("green", "blue"), "line 3: class 'blue' is none of red, green"),
        (GOOD_CLASSES.replace("green", "2"), "line 3: class '2' is none of red, green"),
        (GOOD_CLASSES.replace("green", " "), "line 3: label is ' '; expected the name or the number of a class"),
    ],
)
def test_a_fault_of_classes_names_the_line_and_the_other_rows_stand(three: Path, text: str, fault: str) -> None:
    (three / "labels.csv").write_text(text)
    layout = ClassTable(three, classes=("red", "green"))
    (found,) = layout.faults
    assert fault in found
    assert len(layout.records()) == 3
    assert labels(layout)[0] == 0


def test_where_names_are_numbers_a_number_is_a_name_and_never_a_place(three: Path) -> None:
    (three / "labels.csv").write_text("path,label\na.png,5\nb.png,0\nc.png,7\n")
    layout = ClassTable(three, classes=("7", "5"))
    assert labels(layout) == [1, None, 0]
    (fault,) = layout.faults
    assert "line 3: class '0' is none of 7, 5" in fault


def test_columns_may_be_written_with_capitals(three: Path) -> None:
    (three / "labels.csv").write_text("Path,Label\na.png,red\nb.png,green\nc.png,red\n")
    layout = open_layout("auto", three)
    assert isinstance(layout, ClassTable)
    assert labels(layout) == [1, 0, 1]


def test_hints_are_of_this_layout_and_for_the_command_line(three: Path) -> None:
    (three / "a.csv").write_text("where;what\na.png;x\n")
    with pytest.raises(InputError, match=r"for --layout: `layout: class-table`, `path_column: where`"):
        ClassTable(three)
    with pytest.raises(InputError, match=r"for --layout: `layout: class-table`, `class_column: what`"):
        ClassTable(three, path_column="where")
    layout = ClassTable(three, path_column="where", class_column="what", classes=("y",))
    assert "for --layout: `layout: class-table`, `classes: [car, truck]`" in layout.faults[0]
    (three / "b.csv").write_text("")
    with pytest.raises(InputError, match=r"found a\.csv, b\.csv; name it .* `layout: class-table`, `table: labels"):
        ClassTable(three)


def test_a_value_for_each_image_is_text_and_no_class(tmp_path: Path) -> None:
    put_images(tmp_path, tuple(f"{number}.png" for number in range(24)))
    rows = [f"{number}.png,word {number}" for number in range(24)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *rows]))
    layout = open_layout("auto", tmp_path)
    assert layout.label_space.kind == "none"
    said = choose(tmp_path).why
    assert said.startswith(
        "24 images; labels.csv is carried, and nothing in it is judged: if its column label is a class"
    )
    assert "`layout: class-table`, `class_column: label`" in said
    assert len(open_layout("class-table", tmp_path).label_space.names) == 24  # who says so gets it
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *(row[:-1] for row in rows)]))  # 1 to 10 of a kind
    assert open_layout("auto", tmp_path).label_space.kind == "class"
