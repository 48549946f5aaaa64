from pathlib import Path

import pytest

from refine.data.layouts.class_lists import class_table, open_table, read_classes, with_none
from refine.errors import InputError


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_name_a_line(tmp_path: Path) -> None:
    table = read_classes(write(tmp_path / "classes.txt", "\ufeffroad \r\n\n traffic light\n"))
    assert [(entry.id, entry.name) for entry in table.entries] == [(0, "road"), (1, "traffic light")]


def test_a_color_and_a_name_a_line(tmp_path: Path) -> None:
    table = read_classes(write(tmp_path / "label_colors.txt", "64 128 64\tAnimal\n192 0 128\t\tNight sky\n"))
    assert [(entry.name, entry.color) for entry in table.entries] == [
        ("Animal", (64, 128, 64)),
        ("Night sky", (192, 0, 128)),
    ]


def test_a_csv_may_have_ids_of_its_own(tmp_path: Path) -> None:
    table = read_classes(write(tmp_path / "a.csv", "ID, Name, R, G, B\n7,road,1,2,3\n300,car,4,5,6\n"))
    assert [(entry.id, entry.name, entry.color) for entry in table.entries] == [
        (7, "road", (1, 2, 3)),
        (300, "car", (4, 5, 6)),
    ]


def test_a_file_below_the_dataset_comes_first_and_any_other_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    outside = write(tmp_path / "mine.yaml", "classes: [{id: 0, name: outside}]\n")
    assert open_table(tmp_path / "data", str(outside)).entries[0].name == "outside"
    write(tmp_path / "data/mine.yaml", "classes: [{id: 0, name: inside}]\n")
    assert open_table(tmp_path / "data", "mine.yaml").entries[0].name == "inside"
    assert open_table(tmp_path, "camvid11").name == "camvid11"


def test_255_is_none_unless_it_is_a_class(tmp_path: Path) -> None:
    table = with_none(class_table("mine", [("a", None), ("b", None)]))
    assert table.indices() == [0, 1, 255]
    assert table.space().names == ("a", "b")
    assert table.entries[-1].color is None
    own = read_classes(write(tmp_path / "a.csv", "name,id\na,255\n"))
    assert with_none(own) == own


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
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
def test_a_table_that_cannot_be_used_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = write(tmp_path / name, text)
    with pytest.raises(InputError, match=rf"{name}: .*{message}"):
        read_classes(path)


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
