"""The tables and mappings that ship: the files in `refine/data/label_spaces`."""

import numpy as np
import pytest
import torch
from PIL import Image

from refine.data.label_table import TABLES, load_table, table_names
from refine.data.mapping import load_mapping, mapping_names
from refine.yaml_text import read_yaml
from tests.conftest import SHARED, needs_shared

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
