from pathlib import Path

import pytest
import torch

from refine.data.clusters import blocks, load_clusters
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


RECORDING = tuple(f"{('red', 'green')[n % 2]}/real_{n * 20}.png" for n in range(13))  # not padded: 100 comes after 20


def test_blocks_are_contiguous_in_the_recording_and_hold_each_image_once() -> None:
    shuffled = tuple(RECORDING[i] for i in torch.randperm(13, generator=torch.Generator().manual_seed(0)).tolist())
    found = [[RECORDING.index(shuffled[index]) for index in block] for block in blocks(shuffled, 5)]
    assert [position for block in found for position in block] == list(range(13))


def test_blocks_are_of_nearly_equal_size() -> None:
    assert sorted(len(block) for block in blocks(RECORDING, 5)) == [2, 2, 3, 3, 3]


def test_groups_stay_whole_in_blocks_that_are_cut_nearest_to_equal_parts() -> None:
    keys = tuple(f"{n}.png" for n in range(20))
    groups = ["a"] * 9 + ["b", "c"] + ["d"] * 5 + ["e"] * 4
    assert blocks(keys, 3, groups) == [list(range(9)), [9, 10], list(range(11, 20))]
    assert [len(block) for block in blocks(keys, 5, groups)] == [9, 1, 1, 5, 4]


def test_each_block_has_a_group_also_where_the_last_one_is_the_largest() -> None:
    keys = tuple(f"{n}.png" for n in range(20))
    assert blocks(keys, 3, ["a", "b", *["c"] * 18]) == [[0], [1], list(range(2, 20))]


def test_a_group_that_comes_again_later_is_in_its_block() -> None:
    assert blocks(("0.png", "1.png", "2.png", "3.png"), 2, ["a", "b", "a", "b"]) == [[0, 2], [1, 3]]
