from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from refine.data.label_table import (
    TABLES,
    LabelTable,
    class_table,
    load_table,
    open_table,
    read_classes,
    read_table,
    table_names,
    with_none,
)
from refine.data.mapping import load_mapping, mapping_names
from refine.errors import InputError
from refine.yaml_text import read_yaml
from tests.conftest import SHARED, needs_shared

FILE = Path("masks/a.png")

OWN = """
name: yard
classes:
  - {id: 300, name: gravel, color: [9, 8, 7]}
  - {id: 0, name: nothing, color: [0, 0, 0], ignore: true}
  - {id: 2, name: gate, color: [1, 2, 3]}
"""


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def own(tmp_path: Path, text: str = OWN) -> Path:
    return written(tmp_path / "yard.yaml", text)


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
    ("name", "text", "message"),
    [
        ("a.yaml", "classes: [{id: 1, name: a}, {id: 1, name: b}]", "the id 1 stands twice"),
        ("a.yaml", "classes: [{id: 1, name: a}, {id: 2, name: a}]", "the name 'a' stands twice"),
        ("a.yaml", "classes: [{id: -1, name: a}]", "-1 is no whole number from 0 to 65535"),
        ("a.yaml", "classes: [{id: 65536, name: a}]", "65536 is no whole number"),
        ("a.yaml", "classes: [{id: 1.5, name: a}]", "1.5 is no whole number"),
        ("a.yaml", "classes: [{id: true, name: a}]", "True is no whole number"),
        ("a.yaml", "classes: [{id: 1, name: a, color: [0, 0, 256]}]", "256 is no whole number from 0 to 255"),
        ("a.yaml", "classes: [{id: 1, name: a, color: [0, 0]}]", "expected classes: a list"),
        ("a.yaml", "classes: [{name: a}]", "expected classes: a list"),
        ("a.yaml", "classes: [a, b]", "expected classes: a list"),
        ("a.yaml", "classes: 5", "expected classes: a list"),
        ("a.yaml", "name: a", "expected classes: a list"),
        ("a.yaml", "classes: []", "expected 1 to 255 classes"),
        ("a.yaml", "classes: [{id: 1, name: a, ignore: true}]", "expected 1 to 255 classes"),
        ("a.yaml", "- a", "expected a YAML mapping, found list"),
        ("a.yaml", "classes: [", "cannot be read as YAML"),
        ("a.yaml", "day: 2024-99-99", "expected classes: a list"),
        ("a.txt", "", "1 to 255 different class names, found none"),
        ("a.txt", "road\nroad\n", "different class names, found road, road"),
        ("a.txt", "1 2 300 road\n", "1 2 300 is no color"),
        ("a.csv", "label,r,g,b\nroad,1,2,3\n", "a CSV with the columns name, r, g, b"),
        ("a.csv", "name,r,g,b\nroad,1,2,red\n", "a CSV with the columns name, r, g, b"),
        ("a.csv", "name,r,g,b\nroad,1,2,-3\n", "1 2 -3 is no color"),
        ("a.csv", "name,id\nroad,7\ncar,7\n", "different ids of 0 to 65535"),
        ("a.csv", "name,id\nroad,65536\n", "different ids of 0 to 65535"),
        ("a.json", "{}", r"as \.yaml, \.csv or \.txt"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = written(tmp_path / name, text)
    with pytest.raises(InputError, match=message) as error:
        read_classes(path)
    assert str(error.value).startswith(f"{path}: ")


def test_more_classes_than_a_mask_can_hold_are_refused(tmp_path: Path) -> None:
    rows = [f"  - {{id: {number}, name: n{number}}}" for number in range(256)]
    with pytest.raises(InputError, match="expected 1 to 255 classes"):
        read_table(own(tmp_path, "\n".join(["classes:", *rows])))
    assert len(read_table(own(tmp_path, "\n".join(["classes:", *rows[:-1]]))).space().names) == 255


@pytest.mark.parametrize("name", ["yard", "../label_spaces/gta5", "gta5-to-cityscapes19"])
def test_only_tables_that_ship_have_names(name: str) -> None:
    with pytest.raises(InputError, match=f"label table {name}: none of those that ship: camvid11, camvid32"):
        load_table(name)


def test_a_table_without_any_class_knows_no_id(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.png: id 3 in 4 pixels is none of nothing's \(no ids\)"):
        LabelTable("nothing", ()).from_ids(np.full((2, 2), 3), tmp_path / "a.png")


CLASSES = {
    "camvid11": 11,
    "camvid32": 31,
    "carla": 12,
    "carla-0.9.13": 22,
    "carla-cityscapes": 28,
    "cityscapes": 27,
    "cityscapes19": 19,
    "gta5": 27,
    "synthia": 22,
    "synthia13": 13,
    "synthia16": 16,
    "vkitti2": 14,
}
"""All, by the number of their classes without void."""


def test_these_tables_ship_and_no_other() -> None:
    assert {name: len(load_table(name).space().names) for name in table_names()} == CLASSES


@pytest.mark.parametrize("name", CLASSES)
def test_a_table_that_ships_is_whole(name: str) -> None:
    table = load_table(name)
    assert table.name == name
    assert len(table.space().colors) == CLASSES[name]
    assert any(entry.ignore for entry in table.entries)
    assert read_yaml(TABLES / f"{name}.yaml")["source"]


@pytest.mark.parametrize(
    ("table", "number", "name", "color"),
    [
        ("camvid11", 4, "pavement", (60, 40, 222)),
        ("camvid32", 9, "Fence", (64, 64, 128)),
        ("camvid32", 31, "Wall", (64, 192, 0)),
        ("carla", 10, "vehicle", (0, 0, 142)),
        ("carla-0.9.13", 12, "traffic sign", (220, 220, 0)),
        ("carla-0.9.13", 22, "terrain", (145, 170, 100)),
        ("carla-cityscapes", 11, "sky", (70, 130, 180)),
        ("carla-cityscapes", 28, "guard rail", (180, 165, 180)),
        ("cityscapes", 33, "bicycle", (119, 11, 32)),
        ("cityscapes", 19, "traffic light", (250, 170, 30)),
        ("cityscapes19", 18, "bicycle", (119, 11, 32)),
        ("gta5", 7, "road", (128, 64, 128)),
        ("synthia", 22, "lanemarking", (102, 102, 156)),
        ("synthia13", 6, "sky", (70, 130, 180)),
        ("synthia16", 9, "sky", (70, 130, 180)),
        ("vkitti2", 13, "Van", (0, 139, 139)),
    ],
)
def test_rows_are_those_of_the_source(table: str, number: int, name: str, color: tuple[int, int, int]) -> None:
    (entry,) = [entry for entry in load_table(table).entries if entry.id == number]
    assert (entry.name, entry.color, entry.ignore) == (name, color, False)


@pytest.mark.parametrize(
    ("table", "void"),
    [
        ("camvid11", {11}),
        ("carla", {0}),
        ("carla-0.9.13", {0}),
        ("carla-cityscapes", {0}),
        ("cityscapes", {0, 1, 2, 3, 4, 5, 6, 255}),
        ("cityscapes19", {255}),
        ("gta5", {0, 1, 2, 3, 4, 5, 6, 34}),
        ("synthia", {0}),
        ("synthia13", {255}),
        ("synthia16", {255}),
    ],
)
def test_void_is_what_the_source_calls_so(table: str, void: set[int]) -> None:
    assert {entry.id for entry in load_table(table).entries if entry.ignore} == void


def test_gta5_and_cityscapes_have_the_same_classes() -> None:
    assert load_table("gta5").space() == load_table("cityscapes").space()


def test_newer_carlas_first_ids_are_cityscapes_train_ids_plus_one() -> None:
    names = ["pedestrian" if name == "person" else name for name in load_table("cityscapes19").space().names]
    assert [entry.name for entry in load_table("carla-cityscapes").entries[1:20]] == names


@needs_shared
def test_ids_and_colors_of_real_carla_frames_say_the_same() -> None:
    table = load_table("carla-cityscapes")
    path = SHARED / "data/carla_camvid/carla/Town10HD_000063_5026800_labelIds.png"
    drawn = path.with_name(path.name.replace("labelIds", "color"))
    numbers, pictured = np.array(Image.open(path))[::4, ::4], np.array(Image.open(drawn))[::4, ::4]
    assert torch.equal(table.from_ids(numbers, path), table.from_colors(pictured, drawn))


@needs_shared
def test_real_camvid_label_maps_hold_the_tables_ids_alone() -> None:
    for path in sorted((SHARED / "data/carla_camvid/camvid/trainannot").iterdir())[:5]:
        load_table("camvid11").from_ids(np.array(Image.open(path)), path)


SHIPPED = {
    "camvid32-to-camvid11": ("camvid32", "camvid11", 31),
    "carla-to-camvid11": ("carla-cityscapes", "camvid11", 22),
    "carla-to-cityscapes19": ("carla-cityscapes", "cityscapes19", 20),
    "carla13-to-camvid11": ("carla", "camvid11", 11),
    "carla13-to-cityscapes19": ("carla", "cityscapes19", 11),
    "carla23-to-camvid11": ("carla-0.9.13", "camvid11", 16),
    "carla23-to-cityscapes19": ("carla-0.9.13", "cityscapes19", 14),
    "cityscapes-to-camvid11": ("cityscapes", "camvid11", 25),
    "cityscapes-to-cityscapes19": ("cityscapes", "cityscapes19", 19),
    "gta5-to-cityscapes19": ("gta5", "cityscapes19", 19),
    "synthia-to-synthia13": ("synthia", "synthia13", 13),
    "synthia-to-synthia16": ("synthia", "synthia16", 16),
    "vkitti2-to-cityscapes19": ("vkitti2", "cityscapes19", 12),
}
"""From, to, and how many of the classes become something."""


def test_these_mappings_ship_and_no_other() -> None:
    assert mapping_names() == sorted(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_mapping_that_ships_says_what_becomes_of_every_class_and_where_it_is_from(name: str) -> None:
    source, to, count = SHIPPED[name]
    mapping, content = load_mapping(name), read_yaml(TABLES / f"{name}.yaml")
    assert content["source"]
    assert (content["from"], content["to"]) == (source, to)
    assert list(mapping.classes) == list(load_table(source).space().names)
    assert mapping.names == load_table(to).space().names
    assert sum(after is not None for after in mapping.classes.values()) == count


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("camvid32-to-camvid11", "SUVPickupTruck", "car"),
        ("camvid32-to-camvid11", "LaneMkgsDriv", "road"),
        ("carla-to-camvid11", "rider", "bicyclist"),
        ("carla-to-camvid11", "road line", "road"),
        ("carla-to-camvid11", "static", None),
        ("carla-to-cityscapes19", "road line", "road"),
        ("carla-to-cityscapes19", "pedestrian", "person"),
        ("carla-to-cityscapes19", "guard rail", None),
        ("carla13-to-camvid11", "vehicle", "car"),
        ("carla13-to-cityscapes19", "vehicle", "car"),
        ("carla13-to-cityscapes19", "other", None),
        ("carla23-to-camvid11", "traffic light", "sign"),
        ("carla23-to-cityscapes19", "sky", "sky"),
        ("cityscapes-to-camvid11", "vegetation", "tree"),
        ("cityscapes-to-camvid11", "parking", None),
        ("cityscapes-to-cityscapes19", "caravan", None),
        ("gta5-to-cityscapes19", "bicycle", "bicycle"),
        ("synthia-to-synthia13", "pole", None),
        ("synthia-to-synthia16", "pedestrian", "person"),
        ("synthia-to-synthia16", "lanemarking", None),
        ("vkitti2-to-cityscapes19", "Van", "car"),
    ],
)
def test_mappings_mean_what_their_source_says(name: str, before: str, after: str | None) -> None:
    assert load_mapping(name).classes[before] == after


@pytest.mark.parametrize("name", ["cityscapes-to-cityscapes19", "gta5-to-cityscapes19"])
def test_classes_of_the_benchmark_keep_their_names(name: str) -> None:
    kept = {before: after for before, after in load_mapping(name).classes.items() if after is not None}
    assert set(kept) == set(load_table("cityscapes19").space().names)
    assert all(before == after for before, after in kept.items())


def test_a_name_a_line(tmp_path: Path) -> None:
    table = read_classes(written(tmp_path / "classes.txt", "\ufeffroad \r\n\n traffic light\n"))
    assert [(entry.id, entry.name) for entry in table.entries] == [(0, "road"), (1, "traffic light")]


def test_a_color_and_a_name_a_line(tmp_path: Path) -> None:
    table = read_classes(written(tmp_path / "label_colors.txt", "64 128 64\tAnimal\n192 0 128\t\tNight sky\n"))
    assert [(entry.name, entry.color) for entry in table.entries] == [
        ("Animal", (64, 128, 64)),
        ("Night sky", (192, 0, 128)),
    ]


def test_a_csv_may_have_ids_of_its_own(tmp_path: Path) -> None:
    table = read_classes(written(tmp_path / "a.csv", "ID, Name, R, G, B\n7,road,1,2,3\n300,car,4,5,6\n"))
    assert [(entry.id, entry.name, entry.color) for entry in table.entries] == [
        (7, "road", (1, 2, 3)),
        (300, "car", (4, 5, 6)),
    ]


def test_a_file_below_the_dataset_comes_first_and_any_other_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    outside = written(tmp_path / "mine.yaml", "classes: [{id: 0, name: outside}]\n")
    assert open_table(tmp_path / "data", str(outside)).entries[0].name == "outside"
    written(tmp_path / "data/mine.yaml", "classes: [{id: 0, name: inside}]\n")
    assert open_table(tmp_path / "data", "mine.yaml").entries[0].name == "inside"
    assert open_table(tmp_path, "camvid11").name == "camvid11"


def test_255_is_none_unless_it_is_a_class(tmp_path: Path) -> None:
    table = with_none(class_table("mine", [("a", None), ("b", None)]))
    assert table.indices() == [0, 1, 255]
    assert table.space().names == ("a", "b")
    assert table.entries[-1].color is None
    own = read_classes(written(tmp_path / "a.csv", "name,id\na,255\n"))
    assert with_none(own) == own


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.txt: cannot be read"):
        open_table(tmp_path, "mine.txt")
    with pytest.raises(InputError, match=r"label table \.\./camvid11: none of those that ship"):
        open_table(tmp_path, "../camvid11")


@pytest.mark.parametrize("name", ["classes.txt", "classes.csv"])
def test_a_list_of_far_too_many_names_is_refused_in_a_short_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("name\n" + "".join(f"c{number}\n" for number in range(70_000)))
    with pytest.raises(InputError, match=rf"{name}: ") as error:
        read_classes(path)
    assert len(str(error.value)) < 500
