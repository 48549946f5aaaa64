import json
from pathlib import Path

import pytest

from refine.data.layouts import ClassFolders, ClassTable, Table
from refine.data.open_layout import choose, open_layout
from refine.errors import InputError
from tests.data.layouts.examples.class_table import write_class_table
from tests.data.layouts.examples.table import put_images, write_table


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return put_images(tmp_path, ("a.png", "b.png", "c.png"))


def labels(layout: ClassTable) -> list[int | None]:
    found = [layout.annotation(record).class_id for record in layout.records()]
    return [None if label is None else int(label) for label in found]


def test_the_example_is_read_exactly_and_recognized(tmp_path: Path) -> None:
    choice = choose(write_class_table(tmp_path))
    assert choice.layout is ClassTable
    assert choice.why == "metadata.csv has a row of train/0001.png with label red"
    layout = ClassTable(tmp_path)
    layout.require_whole()
    assert layout.label_space.kind == "class"
    assert layout.label_space.names == ("green", "red")
    assert labels(layout) == [1, 0, 1]
    assert layout.records()[0].label_files == (tmp_path / "metadata.csv",)


def test_names_give_the_order(tmp_path: Path) -> None:
    layout = open_layout("class-table", write_class_table(tmp_path), classes=("red", "amber", "green"))
    assert isinstance(layout, ClassTable)
    assert labels(layout) == [0, 2, 0]


def test_whole_numbers_are_ordered_by_value(images: Path) -> None:
    (images / "labels.csv").write_text("file,class\na.png,10\nb.png,9\nc.png,10\n")
    assert choose(images).layout is ClassTable
    layout = ClassTable(images)
    assert layout.label_space.names == ("9", "10")
    assert labels(layout) == [1, 0, 1]


def test_numbers_stand_for_names_in_their_order(images: Path) -> None:
    rows = [{"image": f"{name}.png", "category": number} for number, name in enumerate("abc")]
    (images / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert labels(ClassTable(images, classes=("red", "yellow", "green"))) == [0, 1, 2]
    assert labels(ClassTable(images, classes=("2", "1", "0"))) == [2, 1, 0]


def test_columns_of_other_names_are_named(images: Path) -> None:
    (images / "labels.csv").write_text("where,what\na.png,x\nb.png,y\nc.png,x\n")
    assert labels(ClassTable(images, path_column="where", class_column="what")) == [0, 1, 0]
    with pytest.raises(InputError, match="no column label or class or category; found where, what; name it"):
        ClassTable(images, path_column="where")


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
def test_text_is_a_class_and_numbers_are_targets(images: Path, text: str, layout: type[Table | ClassTable]) -> None:
    (images / "labels.csv").write_text(text)
    assert choose(images).layout is layout


def test_it_yields_no_table_of_numbers_and_beats_class_folders(tmp_path: Path) -> None:
    assert choose(write_table(tmp_path / "numbers")).layout is Table
    root = put_images(tmp_path / "folders", ("x/a.png", "y/b.png"))
    assert choose(root).layout is ClassFolders
    (root / "labels.csv").write_text("path,label\nx/a.png,red\ny/b.png,red\n")
    assert choose(root).layout is ClassTable


def test_a_name_of_very_many_digits_is_a_name(images: Path) -> None:
    (images / "labels.csv").write_text(f"path,label\na.png,{'9' * 5000}\nb.png,10\nc.png,9\n")
    assert labels(ClassTable(images)) == [2, 0, 1]
    assert len(ClassTable(images, classes=("x",)).faults) == 3


GOOD = "path,label\na.png,red\nb.png,green\nc.png,red\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (GOOD.replace("c.png,red\n", ""), "c.png: an image without a label; add its row to"),
        (GOOD + "../d.png,red\n", "line 5: a label without an image: '../d.png'"),
        (GOOD + "a.png,red\n", "line 5: 'a.png' stands twice"),
        (GOOD.replace("green", "blue"), "line 3: class 'blue' is none of red, green"),
        (GOOD.replace("green", "2"), "line 3: class '2' is none of red, green"),
        (GOOD.replace("green", " "), "line 3: label is ' '; expected the name or the number of a class"),
    ],
)
def test_a_fault_names_the_line_and_the_other_rows_stand(images: Path, text: str, fault: str) -> None:
    (images / "labels.csv").write_text(text)
    layout = ClassTable(images, classes=("red", "green"))
    (found,) = layout.faults
    assert fault in found
    assert len(layout.records()) == 3
    assert labels(layout)[0] == 0


def test_an_image_without_a_class_has_no_label(images: Path) -> None:
    (images / "labels.csv").write_text("path,label\na.png,red\n")
    layout = ClassTable(images)
    assert labels(layout) == [0, None, None]
    assert layout.records()[1].label_files == ()


def test_where_names_are_numbers_a_number_is_a_name_and_never_a_place(images: Path) -> None:
    (images / "labels.csv").write_text("path,label\na.png,5\nb.png,0\nc.png,7\n")
    layout = ClassTable(images, classes=("7", "5"))
    assert labels(layout) == [1, None, 0]
    (fault,) = layout.faults
    assert "line 3: class '0' is none of 7, 5" in fault


def test_columns_may_be_written_with_capitals(images: Path) -> None:
    (images / "labels.csv").write_text("Path,Label\na.png,red\nb.png,green\nc.png,red\n")
    layout = open_layout("auto", images)
    assert isinstance(layout, ClassTable)
    assert labels(layout) == [1, 0, 1]


def test_hints_are_of_this_layout_and_for_the_command_line(images: Path) -> None:
    (images / "a.csv").write_text("where;what\na.png;x\n")
    with pytest.raises(InputError, match=r"for --layout: `layout: class-table`, `path_column: where`"):
        ClassTable(images)
    with pytest.raises(InputError, match=r"for --layout: `layout: class-table`, `class_column: what`"):
        ClassTable(images, path_column="where")
    layout = ClassTable(images, path_column="where", class_column="what", classes=("y",))
    assert "for --layout: `layout: class-table`, `classes: [car, truck]`" in layout.faults[0]
    (images / "b.csv").write_text("")
    with pytest.raises(InputError, match=r"found a\.csv, b\.csv; name it .* `layout: class-table`, `table: labels"):
        ClassTable(images)


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
