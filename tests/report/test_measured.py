from pathlib import Path

import pytest

from refine.errors import InputError
from refine.report.measured import parse_benchmark, read_benchmark, read_metrics
from tests.report.trees import benchmark, metrics, save_json


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


def test_an_accuracy_in_per_cent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"b\.json: rows\.refined\.accuracy\[0\]: expected a number from 0 to 1"):
        read_benchmark(save_json(tmp_path / "b.json", benchmark((81.0,))))


def test_a_row_without_seeds_is_refused() -> None:
    with pytest.raises(InputError, match=r"rows\.refined\.accuracy: expected a number for each seed"):
        parse_benchmark(benchmark(()))


def test_a_gap_that_could_not_be_measured_is_left_out() -> None:
    result = benchmark()
    result["gap_closed"] = {"refined": None, "mixed": -0.2}
    assert parse_benchmark(result).gap_closed == {"mixed": -0.2}
