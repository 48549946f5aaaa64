from pathlib import Path

import pytest

from refine.data.clusters import load_clusters
from refine.errors import InputError

KEYS = ["red/drive1_000.png", "green/drive1_001.png", "red/drive2_000.png"]


def table(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_without_a_word_every_image_is_its_own() -> None:
    assert load_clusters(None, KEYS) == KEYS


def test_the_first_group_of_an_expression_is_the_cluster_or_all_that_it_matches() -> None:
    assert load_clusters(r"(drive\d)_", KEYS) == ["drive1", "drive1", "drive2"]
    assert load_clusters(r"^\w+/", KEYS) == ["red/", "green/", "red/"]
    assert load_clusters(r"(green)?/drive", KEYS) == ["/drive", "green", "/drive"]  # a group without part in it


def test_a_table_names_the_cluster_of_each_key(tmp_path: Path) -> None:
    spec = table(tmp_path / "groups.csv", "group,key\n" + "".join(f"{k[-9]},{k}\n" for k in KEYS) + "x,other.png\n")
    assert load_clusters(spec, KEYS) == ["1", "1", "2"]


def test_what_gives_no_clusters_is_refused_with_the_cure(tmp_path: Path) -> None:
    for spec, message in (
        ("drive2", r"--groups drive2: does not match red/drive1_000.png \(and 1 more\); match every image"),
        ("(drive", r"neither a CSV file nor a regular expression \(.*\); try"),
        ("drive", "all 3 images are of one group, drive; .*give finer groups"),
        ("none.csv", "no such file; expected a CSV file"),
        (table(tmp_path / "a.csv", f"key,group\n{KEYS[0]},1\n"), r"no group for green/drive1_001.png \(and 1 more\)"),
        (table(tmp_path / "b.csv", f"path,group\n{KEYS[0]},1\n"), "line 2: expected the columns key and group, found"),
        (table(tmp_path / "c.csv", f"key,group\n{KEYS[0]},1\n{KEYS[0]},2\n"), "line 3: .* has two groups, 1 and 2"),
    ):
        with pytest.raises(InputError, match=message):
            load_clusters(spec, KEYS)
