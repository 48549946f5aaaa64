from pathlib import Path

from refine.report.measured import parse_benchmark, read_metrics
from refine.report.tables import benchmark_table, distances_table
from tests.report.trees import benchmark, metrics, save_json


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
