import json
import math
from pathlib import Path

import pytest

from refine.data.layouts import ClassFolders, ClassTable, Layout, Table
from refine.data.open_layout import choose_layout, open_layout
from refine.errors import InputError
from tests.data.layouts.contract import Change, LayoutContract, edited, removed, wrote
from tests.data.layouts.examples.class_table import write_class_table
from tests.data.layouts.examples.table import put_images, write_table

GOOD = 'path,pitch,yaw\neyes/one.png,0.1,-0.2\n"eyes/two, with comma.png",3e-1,4\nthree.png,5,6\n'
CLASSES = "file_name,label\ntrain/0001.png,red\ntrain/0002.png,green\ntrain/0003.png,red\n"


def with_text(before: str, after: str) -> Change:
    assert before in GOOD
    return wrote("gaze.csv", GOOD.replace(before, after))


def with_class(before: str, after: str) -> Change:
    assert before in CLASSES
    return wrote("metadata.csv", CLASSES.replace(before, after))


class TestTable(LayoutContract):
    layout, write, why = Table, staticmethod(write_table), r"gaze\.csv has a row of eyes/one\.png"
    keys = ("eyes/one.png", "eyes/two, with comma.png", "three.png")
    faults = (
        (with_text("three.png,5,6\n", ""), r"/three\.png: an image without a label; add its row to .*/gaze\.csv"),
        (wrote("gaze.csv", f"{GOOD}eyes/4.png,1,2\n"), r"line 5: a label without an image: 'eyes/4\.png'"),
        (wrote("gaze.csv", f"{GOOD}../outside.png,1,2\n"), r"line 5: a label without an image: '\.\./outside\.png'"),
        (wrote("gaze.csv", f"{GOOD}eyes/one.png,1,2\n"), r"line 5: 'eyes/one\.png' stands twice"),
        (with_text(",-0.2", ""), "line 2: yaw is None"),
        *(
            (with_text("-0.2", value), rf"line 2: yaw is {value!r}; expected a finite number; .*`targets: \[pitch\]`")
            for value in ("left", "nan", "", "9e99", "inf", "-1e39")
        ),
    )
    refused = (
        (removed("gaze.csv"), "found none; name it"),
        (wrote("b.csv", GOOD), r"found b\.csv, gaze\.csv; name it"),
    )


class TestClassTable(LayoutContract):
    layout, write = ClassTable, staticmethod(write_class_table)
    why = r"metadata\.csv has a row of train/0001\.png with label red"
    keys = ("train/0001.png", "train/0002.png", "train/0003.png")


class TestNamedClasses(LayoutContract):
    layout, write, options = ClassTable, staticmethod(write_class_table), (("classes", ["red", "green"]),)
    faults = (
        (with_class("train/0003.png,red\n", ""), r"train/0003\.png: an image without a label; add its row to"),
        (wrote("metadata.csv", f"{CLASSES}../d.png,red\n"), r"line 5: a label without an image: '\.\./d\.png'"),
        (wrote("metadata.csv", f"{CLASSES}train/0001.png,red\n"), r"line 5: 'train/0001\.png' stands twice"),
        (with_class("green", "blue"), "line 3: class 'blue' is none of red, green; .*`classes: "),
        (with_class("green", "2"), "line 3: class '2' is none of red, green"),
        (with_class("green", " "), "line 3: label is ' '; expected the name or the number of a class"),
        (edited("metadata.csv", "green", "5000000000000000"), "line 3: class '5000000000000000' is none of"),
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return put_images(tmp_path, ("a.png", "b.png", "c.png"))


def labels(layout: Layout) -> list[int | None]:
    found = [layout.annotation(record).class_id for record in layout.records()]
    return [None if label is None else int(label) for label in found]


def test_the_examples_are_read_exactly(tmp_path: Path) -> None:
    layout = Table(write_table(tmp_path / "numbers"))
    assert {record.label_files for record in layout.records()} == {(tmp_path / "numbers/gaze.csv",)}
    values = [layout.label(record).tolist() for record in layout.records()]
    assert values == [pytest.approx([0.1, -0.2]), pytest.approx([0.3, 0.4]), pytest.approx([-0.25, 0.0])]
    assert (layout.label_space.names, layout.label_space.mirror) == (("pitch", "yaw"), (1, -1))
    classes = ClassTable(write_class_table(tmp_path / "classes"))
    assert (classes.label_space.kind, classes.label_space.names) == ("class", ("green", "red"))
    assert labels(classes) == [1, 0, 1]
    assert classes.records()[0].label_files == (tmp_path / "classes/metadata.csv",)
    assert labels(open_layout("class-table", tmp_path / "classes", classes=("red", "amber", "green"))) == [0, 2, 0]


def test_json_lines_are_read_and_what_no_float_holds_is_a_fault(root: Path) -> None:
    rows = [json.dumps({"path": "a.png", "pitch": 0.1}), json.dumps({"path": "b.png", "pitch": 4})]
    for number in ("1e999", "1" + "0" * 400, "[1]", "null"):
        (root / "gaze.jsonl").write_text("\n".join([*rows, f'{{"path": "c.png", "pitch": {number}}}']))
        layout = Table(root)
        assert [layout.label(record).tolist() for record in layout.records()[:2]] == [pytest.approx([0.1]), [4.0]]
        (fault,) = layout.faults
        assert "line 3: pitch is" in fault


def test_columns_can_be_chosen_and_ordered_past_text(root: Path) -> None:
    (root / "gaze.csv").write_text("who,path,pitch,yaw\nann,a.png,0.1,-0.2\nbob,b.png,1,2\nbob,c.png,1,2\n")
    assert Table(root).label_space.names == ("pitch", "yaw")  # a column of text is carried along
    assert choose_layout(root).why.endswith("its column who of text: carried along, and not judged")
    layout = Table(root, targets=("yaw", "pitch"))
    layout.require_whole()
    assert layout.label(layout.records()[0]).tolist() == pytest.approx([-0.2, 0.1])
    assert layout.label_space.mirror == (-1, 1)


@pytest.mark.parametrize("column", ["file", "filename", "image", "file_name", "where"])
def test_the_column_with_the_path_has_one_of_the_usual_names_or_is_named(root: Path, column: str) -> None:
    (root / "gaze.csv").write_text(f"{column},yaw\na.png,1\nb.png,2\nc.png,3\n")
    layout = Table(root, path_column="where" if column == "where" else None)
    layout.require_whole()
    assert layout.label_space.names == ("yaw",)
    assert (choose_layout(root).layout is Table) == (column != "where")


@pytest.mark.parametrize(
    ("given", "mirror"),
    [(None, ()), ({"depth": 1}, (1, -1, 1)), ({"depth": -1, "yaw": 1}, (1, 1, -1)), ({"yaw": 1}, ())],
)
def test_what_mirroring_does_is_known_if_it_is_for_every_target(
    root: Path, given: dict[str, int] | None, mirror: tuple[int, ...]
) -> None:
    (root / "gaze.csv").write_text("path,pitch,yaw,depth\na.png,1,2,3\n")
    assert Table(root, mirror=given).label_space.mirror == mirror
    (root / "layout.yaml").write_text("layout: table\ntargets: [depth]\nmirror: {depth: -1}\n")
    assert open_layout(str(root / "layout.yaml"), root).label_space.mirror == (-1,)
    for wrong in ({"yaw": 0}, {"roll": 1}):
        with pytest.raises(InputError, match=r"expected 1 or -1 for columns among pitch, yaw, depth"):
            Table(root, mirror=wrong)


def test_a_table_may_be_named_and_what_refine_writes_is_none(root: Path) -> None:
    for name in ("a.csv", "b.csv", "refine-manifest.jsonl"):
        (root / name).write_text("path,yaw\na.png,1\n")
    assert len(Table(root, table="a.csv").records()) == 3
    (root / "b.csv").unlink()
    assert len(Table(root).records()) == 3
    (root / "below").mkdir()
    (root / "a.csv").rename(root / "below" / "a.csv")  # its paths are still those from the top
    below = Table(root, table="below/a.csv")
    targets = below.annotation(below.records()[0]).targets
    assert targets is not None
    assert targets.tolist() == [1.0]


@pytest.mark.parametrize(
    ("table", "layout"),
    [
        ("path,label\na.png,red\n", ClassTable),
        ("path,label\na.png,3\n", ClassTable),
        ("path,label,split\na.png,3,train\n", ClassTable),
        ("path,label,pitch\na.png,red,0.5\n", ClassTable),
        ("path,label,pitch\na.png,3,0.5\n", Table),
        ("path,label\na.png,0.25\n", Table),
        ("path,pitch\na.png,3\n", Table),
        ("path,label\na.png,\n", Table),
        ("path,yaw\na.png,\nb.png,0.5\n", Table),  # the first row may lack its number
        ("path,pitch\nother.png,0.1\n", None),
        ("path,xmin,xmax\na.png,1,2\n", None),
        ("path,pitch\n", None),
        ("\x00", None),
        ("path,photographer\na.png,Ann\nb.png,Bob\n", None),
    ],
)
def test_text_is_a_class_numbers_are_targets_and_other_tables_are_none(
    root: Path, table: str, layout: type[Layout] | None
) -> None:
    (root / "labels.csv").write_text(table)
    found = choose_layout(root).layout
    assert found is layout if layout else found not in {Table, ClassTable}


def test_classes_beat_class_folders_and_a_renderers_log_beside_them_is_no_table_of_targets(tmp_path: Path) -> None:
    root = put_images(tmp_path, ("x/a.png", "y/b.png"))
    (root / "labels.csv").write_text("path,label\nx/a.png,red\ny/b.png,red\n")
    assert choose_layout(root).layout is ClassTable
    (root / "labels.csv").unlink()
    rows = [{"path": "x/a.png", "digit": 0, "font": "Serif.ttf"}, {"path": "y/b.png", "digit": 1, "font": "Serif.ttf"}]
    for kept, layout in (({"path", "digit", "font"}, ClassFolders), ({"path", "digit"}, Table)):
        lines = [json.dumps({name: value for name, value in row.items() if name in kept}) for row in rows]
        (root / "parameters.jsonl").write_text("\n".join(lines))
        assert choose_layout(root).layout is layout


def test_more_cells_than_the_header_are_a_fault(root: Path) -> None:
    (root / "gaze.csv").write_text("path,yaw\na.png,0.5,7\n")
    assert any("line 2: what stands beyond the header is ['7']" in fault for fault in Table(root).faults)
    (root / "gaze.csv").write_text("path,yaw\n")
    assert len(Table(root).faults) == 3  # every image lacks its row


def test_whole_numbers_are_ordered_by_value_and_are_names_or_places(root: Path) -> None:
    (root / "labels.csv").write_text("File,Class\na.png,10\nb.png,9\nc.png,10\n")  # in whatever case
    layout = open_layout("auto", root)
    assert (type(layout), layout.label_space.names, labels(layout)) == (ClassTable, ("9", "10"), [1, 0, 1])
    rows = [{"image": f"{name}.png", "category": number} for number, name in enumerate("abc")]
    (root / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert labels(ClassTable(root, "labels.jsonl", classes=("red", "yellow", "green"))) == [0, 1, 2]
    assert labels(ClassTable(root, "labels.jsonl", classes=("2", "1", "0"))) == [2, 1, 0]
    layout = ClassTable(root, "labels.jsonl", classes=("7", "1"))  # where names are numbers, none is a place
    assert labels(layout) == [None, 1, None]
    assert "line 1: class '0' is none of 7, 1" in layout.faults[0]
    (root / "labels.csv").write_text(f"path,label\na.png,{'9' * 5000}\nb.png,10\nc.png,9\n")
    assert labels(ClassTable(root, "labels.csv")) == [2, 0, 1]


def test_columns_of_other_names_are_named_and_hints_are_for_the_command_line(root: Path) -> None:
    (root / "a.csv").write_text("where;what\na.png;x\nb.png;y\nc.png;x\n")
    assert labels(ClassTable(root, path_column="where", class_column="what")) == [0, 1, 0]
    with pytest.raises(InputError, match=r"for --layout: `layout: class-table`, `path_column: where`"):
        ClassTable(root)
    missing = r"no column label or class or category; found where, what; .* `layout: class-table`, `class_column: what`"
    with pytest.raises(InputError, match=missing):
        ClassTable(root, path_column="where")
    with pytest.raises(InputError, match=r"found where, what; name it in a .*`layout: table`, `path_column: where`"):
        Table(root)
    layout = ClassTable(root, path_column="where", class_column="what", classes=("y",))
    assert "for --layout: `layout: class-table`, `classes: [car, truck]`" in layout.faults[0]
    (root / "b.csv").write_text("")
    with pytest.raises(InputError, match=r"found a\.csv, b\.csv; name it .* `layout: class-table`, `table: labels"):
        ClassTable(root)


def test_a_value_for_each_image_is_text_and_no_class(tmp_path: Path) -> None:
    put_images(tmp_path, tuple(f"{number}.png" for number in range(24)))
    rows = [f"{number}.png,word {number}" for number in range(24)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *rows]))
    assert open_layout("auto", tmp_path).label_space.kind == "none"
    said = choose_layout(tmp_path).why
    assert said.startswith(
        "24 images; labels.csv is carried, and nothing in it is judged: if its column label is a class"
    )
    assert "`layout: class-table`, `class_column: label`" in said
    assert len(open_layout("class-table", tmp_path).label_space.names) == 24  # who says so gets it
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *(row[:-1] for row in rows)]))  # 1 to 10 of a kind
    assert open_layout("auto", tmp_path).label_space.kind == "class"


def test_a_target_that_begins_anew_becomes_its_place_on_a_circle(root: Path) -> None:
    (root / "gaze.csv").write_text("path,yaw,pitch\na.png,0.5,1\nb.png,1.75,2\nc.png,-0.25,3\n")
    plain, cyclic = Table(root, targets=("yaw", "pitch")), Table(root, targets=("yaw", "pitch"), periods={"yaw": 2})
    assert cyclic.label_space.names == ("yaw mod 2 cosine", "yaw mod 2 sine", "pitch")
    assert cyclic.label_space.mirror == (1, -1, 1)
    for record in plain.records():
        before, after = plain.annotation(record).targets, cyclic.annotation(record).targets
        assert before is not None
        assert after is not None
        turn = float(before[0]) * math.pi
        assert after.tolist() == pytest.approx([math.cos(turn), math.sin(turn), float(before[1])], abs=1e-6)
    wrong: dict[str, float]
    for wrong in ({"yaw": 0.0}, {"yaw": 1e-320}, {"yaw": math.inf}, {"roll": 3.0}):
        with pytest.raises(
            InputError, match=r"periods (yaw|roll): expected a number from 1e-06 to 1e\+09 for columns among yaw, pitch"
        ):
            Table(root, targets=("yaw", "pitch"), periods=wrong)
