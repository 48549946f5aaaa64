from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from refine.data.label_table import LabelTable, load_table, read_table
from refine.errors import InputError
from refine.yaml_text import read_yaml

FILE = Path("masks/a.png")

OWN = """
name: yard
classes:
  - {id: 300, name: gravel, color: [9, 8, 7]}
  - {id: 0, name: nothing, color: [0, 0, 0], ignore: true}
  - {id: 2, name: gate, color: [1, 2, 3]}
"""


def own(tmp_path: Path, text: str = OWN) -> Path:
    path = tmp_path / "yard.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def ids(*numbers: int) -> NDArray[np.int32]:
    return np.array([numbers], dtype=np.int32)


def colors(*values: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.array([values], dtype=np.uint8)


def test_a_class_is_the_position_among_those_that_are_not_void(tmp_path: Path) -> None:
    table = read_table(own(tmp_path))
    assert table.name == "yard"
    assert table.space().kind == "mask"
    assert table.space().names == ("gravel", "gate")
    assert table.space().colors == ((9, 8, 7), (1, 2, 3))
    assert table.space("objects").kind == "objects"
    found = table.from_ids(ids(2, 0, 300), FILE)
    assert found.dtype == torch.int64
    assert found.tolist() == [[1, 255, 0]]


def test_colors_say_the_same_as_ids(tmp_path: Path) -> None:
    found = read_table(own(tmp_path)).from_colors(colors((1, 2, 3), (0, 0, 0), (9, 8, 7)), FILE)
    assert found.dtype == torch.int64
    assert found.tolist() == [[1, 255, 0]]


def test_unknown_ids_are_told_with_their_count_and_the_known_ones(tmp_path: Path) -> None:
    table = read_table(own(tmp_path))
    with pytest.raises(InputError, match=r"masks/a\.png: id 1, 3 in 3 pixels is none of yard's \(0, 2, 300\)"):
        table.from_ids(ids(3, 0, 1, 3, 2), FILE)
    with pytest.raises(InputError, match=r"id 3, 4, 5, 6, 7, … in 6 pixels"):
        table.from_ids(ids(3, 4, 5, 6, 7, 8), FILE)


@pytest.mark.parametrize("number", [-1, 1 << 16, 1 << 20])
def test_ids_beyond_16_bits_are_unknown_and_do_not_wrap_around(tmp_path: Path, number: int) -> None:
    table = read_table(own(tmp_path, "classes: [{id: 0, name: zero}, {id: 65535, name: last}]"))
    with pytest.raises(InputError, match=f"id {number} in 1 pixels"):
        table.from_ids(ids(0, number), FILE)
    assert table.from_ids(ids(65535), FILE).tolist() == [[1]]


def test_unknown_colors_are_told_with_their_count(tmp_path: Path) -> None:
    table = read_table(own(tmp_path))
    with pytest.raises(InputError, match=r"masks/a\.png: color \(1, 2, 4\), \(255, 255, 255\) in 3 pixels is none of"):
        table.from_colors(colors((255, 255, 255), (1, 2, 3), (1, 2, 4), (1, 2, 4)), FILE)
    many = colors((1, 0, 0), (2, 0, 0), (3, 0, 0), (4, 0, 0))
    with pytest.raises(InputError, match=r"\(3, 0, 0\), … in 4 pixels"):
        table.from_colors(many, FILE)


def test_a_color_of_two_classes_is_refused_where_it_occurs() -> None:
    table = load_table("synthia")
    assert table.from_colors(colors((70, 130, 180)), FILE).tolist() == [[0]]
    with pytest.raises(InputError, match=r"color \(102, 102, 156\) is that of wall and lanemarking in synthia"):
        table.from_colors(colors((70, 130, 180), (102, 102, 156)), FILE)


def test_a_color_of_a_class_and_of_void_is_the_classes() -> None:
    table = load_table("gta5")
    names = table.space().names
    assert table.from_colors(colors((0, 0, 142), (0, 0, 0)), FILE).tolist() == [[names.index("car"), 255]]


def test_a_table_may_have_no_colors(tmp_path: Path) -> None:
    table = read_table(own(tmp_path, "classes: [{id: 0, name: zero}, {id: 1, name: one, color: [1, 1, 1]}]"))
    assert table.name == "yard"
    assert table.space().colors == ()
    assert table.from_colors(colors((1, 1, 1)), FILE).tolist() == [[1]]
    bare = read_table(own(tmp_path, "classes: [{id: 0, name: zero}]"))
    with pytest.raises(InputError, match="yard: this table has no colors"):
        bare.from_colors(colors((0, 0, 0)), FILE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes: [{id: 1, name: a}, {id: 1, name: b}]", "the id 1 stands twice"),
        ("classes: [{id: 1, name: a}, {id: 2, name: a}]", "the name 'a' stands twice"),
        ("classes: [{id: -1, name: a}]", "-1 is no whole number from 0 to 65535"),
        ("classes: [{id: 65536, name: a}]", "65536 is no whole number"),
        ("classes: [{id: 1.5, name: a}]", "1.5 is no whole number"),
        ("classes: [{id: true, name: a}]", "True is no whole number"),
        ("classes: [{id: 1, name: a, color: [0, 0, 256]}]", "256 is no whole number from 0 to 255"),
        ("classes: [{id: 1, name: a, color: [0, 0]}]", "expected classes: a list"),
        ("classes: [{name: a}]", "expected classes: a list"),
        ("classes: [a, b]", "expected classes: a list"),
        ("classes: 5", "expected classes: a list"),
        ("name: a", "expected classes: a list"),
        ("classes: []", "expected 1 to 255 classes"),
        ("classes: [{id: 1, name: a, ignore: true}]", "expected 1 to 255 classes"),
        ("- a", "expected a YAML mapping, found list"),
        ("classes: [", "cannot be read as YAML"),
        ("day: 2024-99-99", "expected classes: a list"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = own(tmp_path, text)
    with pytest.raises(InputError, match=message) as error:
        read_table(path)
    assert str(error.value).startswith(f"{path}: ")


def test_more_classes_than_a_mask_can_hold_are_refused(tmp_path: Path) -> None:
    rows = [f"  - {{id: {number}, name: n{number}}}" for number in range(256)]
    with pytest.raises(InputError, match="expected 1 to 255 classes"):
        read_table(own(tmp_path, "\n".join(["classes:", *rows])))
    assert len(read_table(own(tmp_path, "\n".join(["classes:", *rows[:-1]]))).space().names) == 255


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"yard\.yaml: cannot be read as YAML"):
        read_yaml(tmp_path / "yard.yaml")


@pytest.mark.parametrize("name", ["yard", "../label_spaces/gta5", "gta5-to-cityscapes19"])
def test_only_tables_that_ship_have_names(name: str) -> None:
    with pytest.raises(InputError, match=f"label table {name}: none of those that ship: camvid11, camvid32"):
        load_table(name)


def test_a_table_without_any_class_knows_no_id(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.png: id 3 in 4 pixels is none of nothing's \(no ids\)"):
        LabelTable("nothing", ()).from_ids(np.full((2, 2), 3), tmp_path / "a.png")
