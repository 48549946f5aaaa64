from pathlib import Path

import pytest

from refine.errors import InputError
from refine.report.benchmarked import parse_benchmark, read_benchmark
from refine.report.helps import does_it_help
from refine.report.tables import benchmark_table
from tests.report.trees import angles, benchmark, save_json


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


def test_an_error_may_be_above_1_and_is_written_with_its_unit() -> None:
    found = parse_benchmark(angles(4.0))
    assert (found.name, found.text(4.0), found.difference(-2.0)) == ("angular error", "4.00°", "-2.00°")
    assert found.span((3.0, 5.0)) == "3.00° to 5.00°"
    assert found.gain(6.0, 4.0) == 2.0
    assert found.warning == ""


def test_a_share_is_written_in_per_cent() -> None:
    found = parse_benchmark(benchmark() | {"warning": "WARNING"})
    assert (found.name, found.text(0.5), found.span((0.5, 0.6))) == ("accuracy", "50.0 %", "50.0 to 60.0 %")
    assert (found.difference(0.05), found.differences((-0.1, 0.2))) == ("+5.0 points", "-10.0 to +20.0 points")
    assert found.gain(0.6, 0.4) == pytest.approx(-0.2)
    assert found.warning == "WARNING"


def test_differences_to_the_synthetic_row_are_read() -> None:
    rows = parse_benchmark(angles(4.0)).rows
    assert rows["refined"].difference == (-2.0, (-3.0, -1.0), 0.00001)
    assert rows["synthetic"].difference is None


def test_p_values_of_files_that_have_no_adjusted_ones_are_adjusted() -> None:
    result = benchmark(gan=(0.5, 0.5))
    for name, p in (("refined", 0.03), ("gan", 0.04), ("target_supervised", 0.001)):
        result["rows"][name]["difference"] = {"value": 0.1, "interval": [0.0, 0.2], "p": p}
    rows = parse_benchmark(result).rows
    told = {name: row.difference.p for name, row in rows.items() if row.difference}
    assert told == pytest.approx({"refined": 0.06, "gan": 0.06, "target_supervised": 0.003})
    result["rows"]["gan"]["difference"]["p_holm"] = 0.08
    assert parse_benchmark(result).rows["gan"].difference == (0.1, (0.0, 0.2), 0.08)


def test_of_several_translators_the_mean_of_each_is_shown_and_a_gap_has_its_interval() -> None:
    result = benchmark((0.5, 0.7, 0.8, 1.0), gan=(0.5, 0.5))
    result["rows"]["refined"]["translator_means"] = [0.6, 0.9]
    result["gap_closed"]["gan"], result["gap_closed_interval"] = None, {"refined": [0.5, 1.1], "gan": None}
    found = parse_benchmark(result)
    row = found.rows["refined"]
    assert (row.scores, row.translators, row.seeds) == ([0.6, 0.9], 2, 2)
    cells = {line[0]: line for line in benchmark_table(found).rows}
    assert "75.0 ± 21.2 %" in cells["refined (2 translators)"]
    assert "80.0 % (50.0 % to 110.0 %)" in cells["refined (2 translators)"]
    assert "not defined" in cells["gan"]
    answer = does_it_help(found)
    assert "That closes 80.0 % (95 % 50.0 % to 110.0 %) of the gap to labeled real images." in answer.sentences
    assert "It is the mean over 2 translator seeds; the interval covers their draw." in answer.sentences


def test_files_of_masks_before_there_were_other_figures_by_class_are_read() -> None:
    row = {"miou": [0.4, 0.6], "accuracy": [0.8, 0.8], "iou": {"sky": [0.2, 0.4]}}
    found = parse_benchmark({"metric": "miou", "rows": {"synthetic": row}})
    assert found.by_class["sky"]["synthetic"] == pytest.approx(0.3)
    assert (found.name, found.rows["synthetic"].second) == ("mIoU", [0.8, 0.8])
