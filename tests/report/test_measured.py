from pathlib import Path

import pytest

from refine.errors import InputError
from refine.report.measured import Change, overlap, read_metrics
from tests.report.trees import metrics, save_json


def test_scores_compare_at_the_number_of_images_that_the_floor_has(tmp_path: Path) -> None:
    compared = read_metrics(save_json(tmp_path / "m.json", metrics(0.4, 0.2, 0.1))).compared("swd")
    assert {row: round(score.value, 6) for row, score in compared.items()} == {
        "synthetic": 0.41,
        "refined": 0.21,
        "real_floor": 0.1,
    }


def test_without_a_floor_they_compare_with_all_images(tmp_path: Path) -> None:
    result = metrics(0.4, 0.2)
    del result["rows"]["real_floor"]
    compared = read_metrics(save_json(tmp_path / "m.json", result)).compared("swd")
    assert [score.value for score in compared.values()] == [0.4, 0.2]


def test_a_missing_side_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    result = metrics()
    del result["rows"]["refined"]
    with pytest.raises(
        InputError, match=r"m\.json: rows\.refined: expected a value, found nothing.*refine evaluate --output"
    ):
        read_metrics(save_json(tmp_path / "m.json", result))


def test_a_value_that_is_no_number_is_named(tmp_path: Path) -> None:
    result = metrics()
    result["rows"]["refined"]["swd"]["value"] = "high"
    with pytest.raises(InputError, match=r"rows\.refined\.swd\.value: expected a finite number"):
        read_metrics(save_json(tmp_path / "m.json", result))


def test_the_provenance_is_flat(tmp_path: Path) -> None:
    provenance = read_metrics(save_json(tmp_path / "m.json", metrics())).provenance
    assert provenance == [("seed", "0"), ("versions.torch", "2.11")]


def test_what_newer_files_hold_is_read(tmp_path: Path) -> None:
    result = metrics()
    change = {"value": -0.2, "interval": [-0.3, -0.1], "paired": True}
    result["rows"]["refined"]["swd"] |= {"change": change, "infinite": {"value": 0.15, "sizes": [], "values": []}}
    found = read_metrics(save_json(tmp_path / "m.json", {**result, "warnings": ["few images"]}))
    score = found.rows["refined"]["swd"]
    assert score.change == Change(-0.2, (-0.3, -0.1), None)
    assert (score.infinite, found.warnings) == (0.15, ["few images"])


def test_a_change_may_be_chance_by_its_test_or_else_by_its_interval() -> None:
    assert Change(1.0, (-1.0, 3.0), None).may_be_chance
    assert not Change(1.0, (-1.0, 3.0), 0.01).may_be_chance
    assert Change(1.0, (0.5, 3.0), 0.2).may_be_chance
    assert not Change(1.0, None, None).may_be_chance


def test_intervals_overlap_where_they_have_something_in_common() -> None:
    assert overlap((0.0, 2.0), (1.0, 3.0))
    assert not overlap((0.0, 1.0), (2.0, 3.0))
    assert not overlap(None, (0.0, 1.0))
