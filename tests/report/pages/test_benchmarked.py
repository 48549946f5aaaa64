import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from refine.benchmark.result import Benchmark
from refine.errors import InputError
from refine.json_files import as_typed
from refine.report.pages.benchmarked import (
    adjusted_p_values,
    benchmark_plot,
    benchmark_svg,
    benchmark_table,
    classes_table,
    does_it_help,
    figure_text,
    read_benchmark,
    scores,
    span_text,
)
from tests.report.pages.trees import angles, benchmark, save_json, told


def parsed(result: dict[str, Any]) -> Benchmark:
    return as_typed(result, Benchmark, "benchmark.json", "make it anew")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": {**benchmark()["rows"], "refined": benchmark((81.0,))["rows"]["refined"]}}, r"<= 1\.0.*accuracy"),
        ({"rows": {"a": {**benchmark()["rows"]["refined"], "accuracy": []}}}, r"rows\.a\.accuracy: expected a number"),
        ({"metric": "ap"}, r"rows\.synthetic\.ap: expected a number for each seed"),
        ({"metric": "bleu"}, "metric: expected accuracy or miou or .*found bleu"),
        ({"rows": {}}, "rows: expected at least one row"),
        ({"rows": {"a": {"accuracy": 0.5}}}, "Expected `array`, got `float`.*accuracy"),
    ],
)
def test_a_damaged_benchmark_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=rf"b\.json: .*{message}.*make it anew"):
        read_benchmark(save_json(tmp_path / "b.json", benchmark() | change))


def test_values_are_written_with_their_unit() -> None:
    angle, share = parsed(angles(4.0)), parsed(benchmark())
    other = parsed(benchmark() | {"metric": "mean_absolute_error"})
    assert (figure_text(4.0, angle), figure_text(-2.0, angle, difference=True)) == ("4.00°", "-2.00°")
    assert span_text([3.0, 5.0], angle) == "3.00° to 5.00°"
    assert (figure_text(0.5, share), span_text([0.5, 0.6], share)) == ("50.0 %", "50.0 to 60.0 %")
    assert (figure_text(0.05, share, difference=True), span_text([-0.1, 0.2], share, difference=True)) == (
        "+5.0 points",
        "-10.0 to +20.0 points",
    )
    assert (figure_text(0.12345, other), figure_text(1.0, other, difference=True)) == ("0.1235", "+1")


def test_p_values_of_files_that_have_no_adjusted_ones_are_adjusted() -> None:
    result = benchmark(gan=(0.5, 0.5))
    for name, p in (("refined", 0.03), ("gan", 0.04), ("target_supervised", 0.001)):
        result["rows"][name]["difference"] = {"value": 0.1, "interval": [0.0, 0.2], "p": p}
    assert adjusted_p_values(parsed(result)) == pytest.approx(
        {"refined": 0.06, "gan": 0.06, "target_supervised": 0.003}
    )
    result["rows"]["gan"]["difference"]["p_holm"] = 0.08
    assert adjusted_p_values(parsed(result))["gan"] == 0.08


def test_of_several_translators_the_mean_of_each_is_shown_and_a_gap_has_its_interval() -> None:
    result = benchmark((0.5, 0.7, 0.8, 1.0), gan=(0.5, 0.5))
    result["rows"]["refined"]["translator_means"] = [0.6, 0.9]
    result["gap_closed"]["gan"], result["gap_closed_interval"] = None, {"refined": [0.5, 1.1], "gan": None}
    found = parsed(result)
    assert scores(found["rows"]["refined"], found) == [0.6, 0.9]
    table = benchmark_table(found)
    cells = {line[0]: dict(zip(table.head, line, strict=True)) for line in table.rows}
    assert cells["refined (2 translators)"]["Accuracy"] == "75.0 ± 21.2 %"
    assert cells["refined (2 translators)"]["Gap closed (95 %)"] == "80.0 % (50.0 % to 110.0 %)"
    assert cells["refined (2 translators)"]["Seeds"] == "2"
    assert cells["gan"]["Gap closed (95 %)"] == "not defined"
    answer = does_it_help(found)
    assert "That closes 80.0 % (95 % 50.0 % to 110.0 %) of the gap to labeled real images." in answer.sentences
    assert "It is the mean over 2 translator seeds; the interval covers their draw." in answer.sentences


def test_a_gain_is_told_with_the_gap_and_the_target() -> None:
    answer = does_it_help(parsed(benchmark((0.8, 0.9))))
    assert (answer.mark, answer.figure) == ("good", "25.0 % → 85.0 %")
    assert "closes 80.0 % of the gap" in told(answer)
    assert "labeled real images it reaches 95.0 %" in told(answer)


def test_a_loss_is_told_plainly() -> None:
    answer = does_it_help(parsed(benchmark((0.1, 0.15))))
    assert (answer.mark, answer.verdict) == ("bad", "✗ no")
    assert "is worse on real ones" in told(answer)


@pytest.mark.parametrize(("low", "chance"), [(0.3, True), (0.41, False)])
def test_intervals_that_overlap_are_told(low: float, chance: bool) -> None:
    result = benchmark((0.35, 0.4))
    result["rows"]["synthetic"]["interval"], result["rows"]["refined"]["interval"] = [0.1, 0.4], [low, 0.5]
    assert ("may be chance" in told(does_it_help(parsed(result)))) == chance


def test_without_a_row_of_its_own_all_are_told_and_not_the_best_alone() -> None:
    result = benchmark(**{"simgan": (0.1, 0.1), "cyclegan": (0.8, 0.8), "cyclegan+synthetic": (0.9, 0.9)})
    del result["rows"]["refined"]
    answer = does_it_help(parsed(result))
    assert (answer.verdict, answer.figure) == ("± mixed", "25.0 % → 10.0 … 80.0 %")
    named = does_it_help(parsed(result), ("cyclegan",))
    assert (named.verdict, named.figure) == ("✓ yes", "25.0 % → 80.0 %")


def test_rows_that_lost_or_stayed_are_mixed_and_not_the_same() -> None:
    result = benchmark(simgan=(0.1, 0.1), cyclegan=(0.25, 0.25))
    del result["rows"]["refined"]
    assert does_it_help(parsed(result)).verdict == "± mixed"


def test_its_own_row_comes_before_one_that_is_named_like_its_folder() -> None:
    answer = does_it_help(parsed(benchmark((0.8, 0.8), cyclegan=(0.5, 0.5))), ("cyclegan", "synthetic"))
    assert answer.figure == "25.0 % → 80.0 %"


def test_a_test_counts_for_more_than_intervals() -> None:
    result = benchmark((0.35, 0.4))
    result["rows"]["synthetic"]["interval"], result["rows"]["refined"]["interval"] = [0.1, 0.4], [0.3, 0.5]
    result["rows"]["refined"]["difference"] = {"value": 0.125, "interval": [0.02, 0.2], "p": 0.004}
    answer = does_it_help(parsed(result))
    assert answer.verdict == "✓ yes"
    figures = "+12.5 points, 95 % +2.0 to +20.0 points, p = 0.004 (Holm, over the rows)"
    assert f"The difference is more than chance: {figures}." in answer.sentences
    result["rows"]["refined"]["difference"]["p"] = 0.3
    chance = does_it_help(parsed(result))
    assert (chance.mark, chance.verdict) == ("even", "± may be chance")
    assert "The difference may be chance" in told(chance)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("color_transfer", "color statistics alone does better"),
        ("fda", "FDA alone does better"),
        ("randomization", "random appearance in training alone does better"),
    ],
)
def test_any_baseline_that_does_better_is_told(name: str, words: str) -> None:
    assert f"{words}: 60.0 %" in told(does_it_help(parsed(benchmark((0.5, 0.5), **{name: (0.6, 0.6)}))))


def test_baselines_and_mixtures_are_no_refined_dataset() -> None:
    names = {"fda": (0.9,), "histogram_matching": (0.9,), "gan": (0.8,), "gan+synthetic": (0.9,), "gan+20_real": (0.9,)}
    result = benchmark(**names)
    del result["rows"]["refined"]
    assert does_it_help(parsed(result)).figure == "25.0 % → 80.0 %"


def test_of_an_error_less_is_better_and_it_has_its_unit() -> None:
    answer = does_it_help(parsed(angles(4.0)))
    assert (answer.mark, answer.figure) == ("good", "6.00° → 4.00°")
    assert "4.00° angular error against 6.00°" in told(answer)
    assert "labeled real images it reaches 2.00°" in told(answer)
    assert does_it_help(parsed(angles(7.0))).mark == "bad"


def test_a_baseline_with_a_lower_error_does_better() -> None:
    assert "color statistics alone does better: 3.00°" in told(does_it_help(parsed(angles(4.0, 3.0))))
    assert "alone does" not in told(does_it_help(parsed(angles(4.0, 5.0))))


def test_the_benchmark_has_mean_and_standard_deviation_over_seeds() -> None:
    table = benchmark_table(parsed(benchmark((0.7, 0.8, 0.9))))
    assert table.rows[1] == ["refined", "80.0 ± 10.0 %", "80.0 ± 10.0 %", "79.0 to 81.0 %", "80.0 %", "3", "6", "4"]


def test_one_seed_has_no_spread() -> None:
    assert benchmark_table(parsed(benchmark((0.7,)))).rows[1][1] == "70.0 %"


def test_a_benchmark_of_errors_has_their_unit_and_the_difference_with_its_p() -> None:
    table = benchmark_table(parsed(angles(4.0)))
    row = dict(zip(table.head, table.rows[1], strict=True))
    assert row["Angular error"] == "4.00° ± 0.00°"
    assert row["95 % interval"] == "3.00° to 5.00°"
    assert (row["To synthetic (95 %)"], row["p (Holm)"]) == ("-2.00° (-3.00° to -1.00°)", "< 0.0001")
    assert dict(zip(table.head, table.rows[0], strict=True))["p (Holm)"] == ""


def test_each_class_or_target_has_a_line() -> None:
    table = classes_table(parsed(angles(4.0)))
    assert table is not None
    assert table.head == ["Mean absolute error in radians of", "synthetic", "refined", "labeled real"]
    assert table.rows == [["pitch", "0.06", "0.04", "0.02"]]


def test_the_plot_follows_the_colors_of_the_page() -> None:
    svg = benchmark_svg(parsed(benchmark()))
    assert "var(--ink)" in svg
    assert not re.search(r"(fill|stroke): #(?!ffffff)", svg)


def test_names_of_rows_are_text_and_no_markup() -> None:
    svg = benchmark_svg(parsed(benchmark(**{"<script>$\\frac$": (0.5,)})))
    assert "<script>" not in svg
    assert "&lt;script&gt;$\\frac$" in svg


def test_there_is_a_point_for_each_seed() -> None:
    few = benchmark_svg(parsed(benchmark((0.5,)))).count("<use")
    assert benchmark_svg(parsed(benchmark((0.5, 0.6, 0.7)))).count("<use") == few + 2


def test_the_benchmark_is_written_as_a_png(tmp_path: Path) -> None:
    path = benchmark_plot(parsed(benchmark()), tmp_path / "new" / "benchmark.png")
    pixels = np.asarray(Image.open(path).convert("RGB"))
    assert pixels.shape[1] == 800
    assert (pixels[0, 0] == 255).all()
    assert path.read_bytes() == benchmark_plot(parsed(benchmark()), tmp_path / "again.png").read_bytes()


def test_errors_have_a_scale_of_their_own_and_their_direction() -> None:
    svg = benchmark_svg(parsed(angles(4.0)))
    for text in ("angular error in degrees, a point a seed; lower is better", ">4.00°<"):
        assert text in svg
    assert ">100<" not in svg


@pytest.mark.parametrize("fill", [{}, dict.fromkeys(("interval", "n_train", "n_test", "by_class", "difference"))])
def test_a_file_of_an_earlier_version_may_have_the_scores_alone(tmp_path: Path, fill: dict[str, None]) -> None:
    rows = {name: {"accuracy": [score], **fill} for name, score in (("synthetic", 0.5), ("refined", 0.75))}
    told_too = dict.fromkeys(("metric", "classes", "gap_closed", "protocol", "provenance", "warning"))
    found = read_benchmark(save_json(tmp_path / "b.json", {"rows": rows} | (told_too if fill else {})))
    assert (found["metric"], found["classes"], found["gap_closed"], found["protocol"]) == ("accuracy", [], {}, "")
    assert found["provenance"] == {}
    answer = does_it_help(found)
    assert (answer.mark, answer.figure) == ("good", "50.0 % → 75.0 %")
    assert "chance" not in told(answer)
    table = benchmark_table(found)
    assert (table.head, table.rows[1]) == (["Trained on", "Accuracy", "Seeds"], ["refined", "75.0 %", "1"])
    assert "75.0 %" in benchmark_svg(found)
    assert classes_table(found) is None


def test_a_difference_without_a_test_is_shown_and_a_share_of_the_gap_that_is_null_stays(tmp_path: Path) -> None:
    result = benchmark()
    result["rows"]["refined"]["difference"] = {"value": 0.6, "interval": None}
    result["gap_closed"] = {"refined": None}
    found = read_benchmark(save_json(tmp_path / "b.json", result))
    table = benchmark_table(found)
    shown = dict(zip(table.head, table.rows[1], strict=True))
    assert (shown["To synthetic, points (95 %)"], shown["Gap closed (95 %)"]) == ("+60.0", "not defined")
