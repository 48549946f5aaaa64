from pathlib import Path

from refine.report.benchmarked import parse_benchmark
from refine.report.measured import read_metrics
from refine.report.tables import benchmark_table, classes_table, distances_table
from tests.report.trees import angles, benchmark, metrics, save_json


def test_distances_stand_with_their_numbers_of_images(tmp_path: Path) -> None:
    table = distances_table(read_metrics(save_json(tmp_path / "m.json", metrics(0.4, 0.2, 0.1))))
    assert table.head == ["Images", "Metric", "Distance", "Images a side", "At the floor's number"]
    assert table.rows == [
        ["synthetic", "swd", "0.4", "6 | 6", "0.41 (3 | 3)"],
        ["refined", "swd", "0.2", "6 | 6", "0.21 (3 | 3)"],
        ["real against real", "swd", "0.1", "3 | 3", ""],
    ]


def test_intervals_stand_there_once_they_exist(tmp_path: Path) -> None:
    result = metrics()
    result["rows"]["refined"]["swd"]["interval"] = [0.15, 0.25]
    table = distances_table(read_metrics(save_json(tmp_path / "m.json", result)))
    assert "0.15 to 0.25" in table.rows[1]


def test_the_benchmark_has_mean_and_standard_deviation_over_seeds() -> None:
    table = benchmark_table(parse_benchmark(benchmark((0.7, 0.8, 0.9))))
    assert table.rows[1] == ["refined", "80.0 ± 10.0 %", "80.0 ± 10.0 %", "80.0 %", "3", "6", "4"]


def test_one_seed_has_no_spread() -> None:
    assert benchmark_table(parse_benchmark(benchmark((0.7,)))).rows[1][1] == "70.0 %"


def test_what_else_is_known_of_a_distance_has_its_columns(tmp_path: Path) -> None:
    result = metrics(0.4, 0.2)
    change = {"value": -0.2, "interval": [-0.3, -0.1]}
    result["rows"]["refined"]["swd"] |= {"change": change, "infinite": {"value": 0.15}, "higher_is_nearer": True}
    table = distances_table(read_metrics(save_json(tmp_path / "m.json", result)))
    refined = dict(zip(table.head, table.rows[1], strict=True))
    assert refined["Metric"] == "swd (higher is nearer)"
    assert (refined["Change"], refined["95 % of the change"]) == ("-0.2", "-0.3 to -0.1")
    assert refined["At infinite number"] == "0.15"


def test_a_benchmark_of_errors_has_their_unit_and_the_difference_with_its_p() -> None:
    table = benchmark_table(parse_benchmark(angles(4.0)))
    row = dict(zip(table.head, table.rows[1], strict=True))
    assert row["Angular error"] == "4.00° ± 0.00°"
    assert row["95 % interval"] == "3.00° to 5.00°"
    assert (row["To synthetic (95 %)"], row["p (Holm)"]) == ("-2.00° (-3.00° to -1.00°)", "< 0.0001")
    assert dict(zip(table.head, table.rows[0], strict=True))["p (Holm)"] == ""


def test_each_class_or_target_has_a_line() -> None:
    table = classes_table(parse_benchmark(angles(4.0)))
    assert table.head == ["Mean absolute error in radians of", "synthetic", "refined", "labeled real"]
    assert table.rows == [["pitch", "0.06", "0.04", "0.02"]]
