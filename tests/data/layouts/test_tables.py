from pathlib import Path

import pytest
from PIL import Image

from refine.data.layouts import tables
from refine.data.layouts.tables import Row, find_table, first_row, image_key, path_column, read_rows
from refine.data.listing import Listing
from refine.data.open_layout import open_layout
from refine.errors import InputError


def table(root: Path, content: str, name: str = "labels.csv") -> Path:
    (root / name).write_bytes(content.encode())
    return root / name


def rows(path: Path) -> list[tuple[int, Row]]:
    return list(read_rows(path))


@pytest.mark.parametrize(
    ("content", "row"),
    [
        ("path,a\nx.png,1.5\n", {"path": "x.png", "a": "1.5"}),
        ("path;a\nx.png;1,5\n", {"path": "x.png", "a": "1.5"}),
        ("path;a\nx.png;-2,5e3\n", {"path": "x.png", "a": "-2.5e3"}),
        ("path;a\nx,1.png;1,5,2\n", {"path": "x,1.png", "a": "1,5,2"}),
        ("path\ta\nx.png\t1,5\n", {"path": "x.png", "a": "1,5"}),
        ('path;"a,b,c"\nx.png;1\n', {"path": "x.png", "a,b,c": "1"}),
        ("name;a,b,c;d;e\nx.png;1;2;3\n", {"name": "x.png", "a,b,c": "1", "d": "2", "e": "3"}),
        ("path, a\nx.png,1,\n", {"path": "x.png", "a": "1"}),
        ("\ufeffpath,a\r\nx.png,1\r\n", {"path": "x.png", "a": "1"}),
        ("path,a\nx.png,1,2\n", {"path": "x.png", "a": "1", "what stands beyond the header": ["2"]}),
        ("path,a\nx.png\n", {"path": "x.png", "a": None}),
    ],
)
def test_the_header_says_how_cells_are_set_apart(tmp_path: Path, content: str, row: Row) -> None:
    assert rows(table(tmp_path, content)) == [(2, row)]


def test_json_lines_keep_their_numbers_and_types(tmp_path: Path) -> None:
    path = table(tmp_path, '{"path": "x.png", "a": 1.5}\n\n{"path": "y.png"}\n', "labels.jsonl")
    assert rows(path) == [(1, {"path": "x.png", "a": 1.5}), (3, {"path": "y.png"})]


def test_damage_names_the_file_and_the_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.jsonl, line 2: not JSON"):
        rows(table(tmp_path, '{}\n{"a"\n', "a.jsonl"))
    with pytest.raises(InputError, match=r"a\.jsonl, line 1: expected an object .*, found list"):
        rows(table(tmp_path, "[1]\n", "a.jsonl"))
    (tmp_path / "b.csv").write_bytes(b"path\n\xff\n")
    with pytest.raises(InputError, match=r"b\.csv: cannot be read as a table"):
        rows(tmp_path / "b.csv")
    with pytest.raises(InputError, match=r"c\.jsonl, line 1: not JSON"):
        rows(table(tmp_path, "[" * 100_000, "c.jsonl"))
    with pytest.raises(InputError, match=r"d\.csv: cannot be read as a table"):
        rows(table(tmp_path, "path\n" + "a" * 200_000, "d.csv"))
    with pytest.raises(InputError, match=r"none\.csv: cannot be read as a table"):
        rows(tmp_path / "none.csv")


def test_the_only_table_at_the_top_is_found_and_of_two_one_has_to_be_named(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    table(tmp_path, "", "below/other.csv")
    with pytest.raises(InputError, match="found none; name it in a YAML file for --layout: `layout: eyes`"):
        find_table(Listing(tmp_path), layout="eyes")
    found = table(tmp_path, "", "a.TSV")
    assert find_table(Listing(tmp_path)) == found
    table(tmp_path, "", "b.jsonl")
    with pytest.raises(InputError, match=r"found a\.TSV, b\.jsonl; name it"):
        find_table(Listing(tmp_path))


@pytest.mark.parametrize(
    ("content", "column"),
    [
        ("Image,a\n.\\s\\x.png,1\n", "Image"),
        ("image,xmin\ns/x.png,1\n", None),
        ("image,X1\ns/x.png,1\n", None),
        ("image,a\ns/y.png,1\n", None),
        ("picture,a\ns/x.png,1\n", None),
        ("image,a\n", None),
    ],
)
def test_a_first_row_counts_if_it_names_an_image_and_no_box(tmp_path: Path, content: str, column: str | None) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/x.png").touch()
    path = table(tmp_path, content)
    found = first_row(Listing(tmp_path))
    assert (found and (found[0], found[2])) == (column and (path, column))


def test_the_column_of_the_image_is_the_first_known_name_or_the_one_that_is_wanted() -> None:
    row: Row = {"image": "b", "Path": "a", "x": "c"}
    assert path_column(row, "t") == "Path"
    assert path_column(row, "t", "x") == "x"
    with pytest.raises(InputError, match=r"t: no column 'X'; found image, Path, x; name it .*`path_column: image`"):
        path_column(row, "t", "X")


def test_an_images_name_has_forward_slashes_unless_a_file_is_called_just_so() -> None:
    row: Row = {"path": ".\\a\\b.png"}
    assert image_key(row, "path", frozenset()) == "a/b.png"
    assert image_key(row, "path", frozenset({".\\a\\b.png"})) == ".\\a\\b.png"


@pytest.mark.parametrize("layout", ["table", "class-table", "list"])
def test_a_file_of_which_far_more_lines_are_wrong_than_there_are_images_is_refused_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    monkeypatch.setattr(tables, "FEW_FAULTS", 5)
    root = tmp_path / "all.txt" if layout == "list" else tmp_path
    file = root if layout == "list" else tmp_path / "labels.csv"
    file.write_text(("a.png\n" if layout == "list" else "path,label\na.png,1\n") + "x,1\n" * 1000)
    with pytest.raises(InputError, match=rf"{file.name}: \d+ lines are wrong, such as line \d: .*x"):
        open_layout(layout, root)
    monkeypatch.setattr(tables, "FEW_FAULTS", 2000)
    assert len(open_layout(layout, root).faults) >= 1000
