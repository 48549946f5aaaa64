import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.errors import InputError
from refine.report.benchmarked import parse_benchmark
from refine.report.measured import read_metrics
from refine.report.plots import benchmark_plot, benchmark_svg, distances_svg
from tests.report.trees import angles, benchmark, metrics, save_json


def distances(tmp_path: Path, before: float = 0.4, after: float = 0.2) -> str:
    return distances_svg(read_metrics(save_json(tmp_path / "m.json", metrics(before, after, 0.1))))


def test_distances_show_both_sides_and_the_floor(tmp_path: Path) -> None:
    svg = distances(tmp_path)
    for text in ("synthetic", "refined", ">0.41<", ">0.21<", "real against real, 0.1"):
        assert text in svg


def test_plots_follow_the_colors_of_the_page(tmp_path: Path) -> None:
    for svg in (distances(tmp_path), benchmark_svg(parse_benchmark(benchmark()))):
        assert "var(--ink)" in svg
        assert not re.search(r"(fill|stroke): #(?!ffffff)", svg)


def test_plots_do_not_change_from_run_to_run(tmp_path: Path) -> None:
    assert distances(tmp_path) == distances(tmp_path)
    assert "<dc:date>" not in distances(tmp_path)


def test_distances_below_zero_and_of_zero_can_be_drawn(tmp_path: Path) -> None:
    assert "-0.01" in distances(tmp_path, -0.02, -0.01).replace("\N{MINUS SIGN}", "-")
    assert distances(tmp_path, 0.0, 0.0)


def test_names_of_rows_are_text_and_no_markup() -> None:
    svg = benchmark_svg(parse_benchmark(benchmark(**{"<script>$\\frac$": (0.5,)})))
    assert "<script>" not in svg
    assert "&lt;script&gt;$\\frac$" in svg


def test_there_is_a_point_for_each_seed() -> None:
    few = benchmark_svg(parse_benchmark(benchmark((0.5,)))).count("<use")
    assert benchmark_svg(parse_benchmark(benchmark((0.5, 0.6, 0.7)))).count("<use") == few + 2


def test_the_benchmark_is_written_as_a_png(tmp_path: Path) -> None:
    path = benchmark_plot(benchmark(), tmp_path / "new" / "benchmark.png")
    pixels = np.asarray(Image.open(path).convert("RGB"))
    assert pixels.shape[1] == 800
    assert (pixels[0, 0] == 255).all()
    assert path.read_bytes() == benchmark_plot(benchmark(), tmp_path / "again.png").read_bytes()


def test_a_benchmark_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected at least one row"):
        benchmark_plot({"rows": {}}, tmp_path / "benchmark.png")


def test_errors_have_a_scale_of_their_own_and_their_direction() -> None:
    svg = benchmark_svg(parse_benchmark(angles(4.0)))
    for text in ("angular error in degrees, a point a seed; lower is better", ">4.00°<"):
        assert text in svg
    assert ">100<" not in svg


def test_a_metric_where_higher_is_nearer_says_so(tmp_path: Path) -> None:
    result = metrics()
    for row in result["rows"].values():
        row["swd"]["higher_is_nearer"] = True
        row["swd"].pop("at_floor_n", None)
    assert "swd (higher is nearer)" in distances_svg(read_metrics(save_json(tmp_path / "m.json", result)))
