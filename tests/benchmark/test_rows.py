import pytest
import torch
from torch import Tensor

from refine.benchmark.result import Comparison, Row
from refine.benchmark.rows import Figure, RowPredictions, adjust, best_row, gap_closed
from refine.labels.classes import ClassScoring
from refine.labels.scoring import Scoring
from refine.labels.targets import TargetScoring
from refine.metrics.intervals import percentile_interval

LABELS = torch.tensor([0, 0, 0, 1])
PREDICTIONS = torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1]])


def score(predictions: Tensor, labels: Tensor, clusters: Tensor | None = None) -> Row:
    scoring = ClassScoring(labels, [str(number) for number in range(int(max(labels.max(), predictions.max())) + 1)])
    return scored(scoring, predictions, torch.arange(len(labels)) if clusters is None else clusters)


def scored(scoring: Scoring, predictions: Tensor, clusters: Tensor, translators: int = 1) -> Row:
    return RowPredictions(scoring, predictions, clusters, translators).row(7)


def row(mean: float) -> Row:
    return {**score(PREDICTIONS, LABELS), "mean": mean}


def test_the_mean_is_over_seeds_and_numbers_of_images_are_told() -> None:
    found = score(torch.tensor([[0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 0]]), LABELS)
    assert found["mean"] == pytest.approx((1 + 0.75 + 0) / 3)
    assert (found["n_train"], found["n_test"]) == (7, 4)


def test_spread_is_that_of_a_sample_and_zero_for_one_seed() -> None:
    assert score(torch.tensor([[0, 0, 0, 1], [0, 0, 0, 0]]), LABELS)["std"] == pytest.approx(0.25 / 2**0.5)
    assert score(PREDICTIONS[:1], LABELS)["std"] == 0.0


def test_the_interval_is_as_wide_as_theory_says_and_always_the_same() -> None:
    wrong = (torch.arange(400) % 4 == 0).long()[None]
    found = score(wrong, torch.zeros(400, dtype=torch.int64))
    half = 1.96 * (0.75 * 0.25 / 400) ** 0.5
    assert found["interval"] == pytest.approx([0.75 - half, 0.75 + half], abs=0.01)
    assert score(wrong, torch.zeros(400, dtype=torch.int64))["interval"] == found["interval"]


def test_more_seeds_do_not_make_images_more() -> None:
    one, three = score(PREDICTIONS[:1], LABELS), score(PREDICTIONS[:1].expand(3, -1), LABELS)
    assert one["interval"] == three["interval"]


def test_images_that_were_all_right_leave_as_much_doubt_as_their_number_does() -> None:
    labels = torch.zeros(30, dtype=torch.int64)
    assert score(labels[None], labels)["interval"] == pytest.approx([0.8843, 1.0], abs=1e-4)  # Clopper and Pearson
    assert score(1 - labels[None], labels)["interval"] == pytest.approx([0.0, 0.1157], abs=1e-4)
    groups = torch.arange(3).repeat(10)
    assert score(labels[None], labels, groups)["interval"] == pytest.approx([0.2924, 1.0], abs=1e-4)


def test_so_do_differences_between_rows_that_were_all_right_or_all_wrong() -> None:
    labels = torch.zeros(30, dtype=torch.int64)
    scoring, clusters = ClassScoring(labels, ["0", "1"]), torch.arange(30)
    right, wrong = labels[None], 1 - labels[None]
    rows = [RowPredictions(scoring, predictions, clusters) for predictions in (right, wrong)]
    equal = rows[0].compare(rows[0])
    assert equal["interval"] == pytest.approx([-0.1636, 0.1636], abs=1e-4)  # the root of twice 0.1157 squared
    apart = rows[0].compare(rows[1])
    assert apart["interval"] == pytest.approx([1 - 0.1636, 1.0], abs=1e-4)


def test_a_row_is_compared_image_by_image() -> None:
    labels = torch.zeros(50, dtype=torch.int64)
    good, bad = labels.clone(), labels.clone()
    good[:20], bad[:30] = 1, 1  # on 20 images both are wrong
    found = compared(ClassScoring(labels, ["a", "b"]), good[None], bad[None])
    assert found["value"] == pytest.approx(0.2)
    assert 0.05 < found["interval"][0] < 0.15
    assert found["p"] == pytest.approx(2 / 1024, abs=2e-3)  # ten images differ, and all of them in one way


def compared(scoring: Scoring, predictions: Tensor, baseline: Tensor, translators: int = 1) -> Comparison:
    clusters = torch.arange(predictions.shape[1])
    baseline_row = RowPredictions(scoring, baseline, clusters)
    return RowPredictions(scoring, predictions, clusters, translators).compare(baseline_row)


def translated(count: int, *shares: float) -> Tensor:
    """``(translators, count)``: of each translator, the last images of class 1, the first ones of class 0."""
    return torch.stack([(torch.arange(count) >= round(share * count)).long() for share in shares])


def test_several_translators_widen_the_interval_by_the_draw_of_one() -> None:
    scoring = ClassScoring(torch.zeros(400, dtype=torch.int64), ["a", "b"])
    predictions = translated(400, 0.5, 0.6, 0.7)
    row, clusters = scored(scoring, predictions, torch.arange(400), 3), torch.arange(400)
    images = percentile_interval(RowPredictions(scoring, predictions, clusters).figure.images, 0.95, 400)
    assert row["translator_means"] == pytest.approx([0.5, 0.6, 0.7])
    assert [row["mean"], row["std"]] == pytest.approx([0.6, 0.1])
    student = 4.303 * 0.1 / 3**0.5
    for end, image in zip(row["interval"], images, strict=True):
        assert abs(end - 0.6) == pytest.approx((student**2 + (image - 0.6) ** 2) ** 0.5, rel=1e-3)
    assert "translator_means" not in scored(scoring, predictions, clusters)


def test_where_each_fit_leaves_one_translator_out_their_draw_shows_as_the_jackknife_says() -> None:
    scoring, clusters = ClassScoring(torch.zeros(400, dtype=torch.int64), ["a", "b"]), torch.arange(400)
    predictions = translated(400, 0.58, 0.6, 0.62)
    images = percentile_interval(RowPredictions(scoring, predictions, clusters).figure.images, 0.95, 400)
    row = RowPredictions(scoring, predictions, clusters, 3, joined=True).row(7)
    assert row["translator_means"] == pytest.approx([0.58, 0.6, 0.62])
    # Efron and Tibshirani 1993, chapter 11: (n - 1) / n times the sum of squares.
    student = 4.303 * (2 / 3 * 2 * 0.02**2) ** 0.5
    for end, image in zip(row["interval"], images, strict=True):
        assert abs(end - 0.6) == pytest.approx((student**2 + (image - 0.6) ** 2) ** 0.5, rel=1e-3)


def test_translators_that_agree_leave_the_interval_over_images_and_none_leaves_what_can_be() -> None:
    scoring = ClassScoring(torch.zeros(400, dtype=torch.int64), ["a", "b"])
    same = translated(400, 0.6, 0.6, 0.6)
    clusters = torch.arange(400)
    assert scored(scoring, same, clusters, 3)["interval"] == scored(scoring, same[:1], clusters)["interval"]
    assert scored(scoring, translated(400, 0.9, 0.95, 1.0), clusters, 3)["interval"][1] == 1.0
    assert scored(scoring, translated(400, 0.0, 0.05, 0.2), clusters, 3)["interval"][0] == 0.0


def test_a_difference_that_one_translator_made_may_be_chance() -> None:
    scoring = ClassScoring(torch.zeros(400, dtype=torch.int64), ["a", "b"])
    synthetic = translated(400, 0.5).expand(2, -1)
    drawn = translated(400, 0.5, 0.5, 0.52, 0.52, 0.9, 0.9)  # two seeds of three translators
    found, one = compared(scoring, drawn, synthetic, 3), compared(scoring, drawn, synthetic[:1].expand(6, -1))
    assert found["value"] == one["value"] == pytest.approx(0.14)
    assert one["p"] < 0.001
    assert one["interval"][0] > 0
    assert found["p"] > 0.3
    assert found["interval"][0] < 0
    alike = compared(scoring, translated(400, 0.63, 0.64, 0.65), synthetic[:1], 3)
    assert alike["p"] < 0.01
    assert alike["interval"][0] > 0


def test_the_best_row_is_held_against_the_second_and_labeled_real_images_do_not_count() -> None:
    scoring, clusters = ClassScoring(torch.zeros(400, dtype=torch.int64), ["a", "b"]), torch.arange(400)
    one = RowPredictions(scoring, translated(400, 0.5), clusters)
    several = RowPredictions(scoring, translated(400, 0.7, 0.72, 0.74), clusters, 3)
    real = RowPredictions(scoring, translated(400, 0.9), clusters)
    every = {"synthetic": one, "gan": several, "gan+3_real": real, "target_supervised": real}
    rows = {name: each.row(7) for name, each in every.items()}
    rows["gan+3_real"]["n_real"] = 3
    best = best_row(rows, every, higher_is_better=True)
    assert best is not None
    assert (best["row"], best["second"]) == ("gan", "synthetic")
    assert best["difference"] == several.compare(one)
    back = one.compare(several)  # the draw of translators counts on either side
    assert [-back["value"], *sorted(-end for end in back["interval"])] == pytest.approx(
        [best["difference"]["value"], *best["difference"]["interval"]]
    )
    assert back["p"] == pytest.approx(best["difference"]["p"])
    other = RowPredictions(scoring, translated(400, 0.64, 0.66, 0.68), clusters, 3)
    both = several.compare(other)
    assert both["interval"][0] < 0 < both["value"]
    assert both["p"] > 0.05  # where the interval holds 0
    lower = best_row(rows, every, higher_is_better=False)
    assert lower is not None
    assert (lower["row"], lower["second"]) == ("synthetic", "gan")
    assert best_row({"synthetic": rows["synthetic"]}, every, higher_is_better=True) is None


def test_p_values_are_adjusted_for_the_number_of_rows() -> None:
    rows = {name: row(0.5) for name in ("synthetic", "a", "b", "c")}
    for name, p in (("a", 0.01), ("b", 0.04), ("c", 0.03)):
        rows[name]["difference"] = {"value": 0.1, "interval": [0.0, 0.2], "p": p}
    adjust(rows)
    assert [rows[name]["difference"]["p_holm"] for name in "abc"] == pytest.approx([0.03, 0.06, 0.06])
    assert [rows[name]["difference"]["p"] for name in "abc"] == [0.01, 0.04, 0.03]


def figure(value: float, error: float = 0.01, seed: int = 0, translators: list[float] | None = None) -> Figure:
    draws = torch.randn(2000, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Figure(value, value + error * draws, translators or [value])


def shares(figures: dict[str, Figure], higher_is_better: bool = True) -> dict[str, float | None]:
    found = gap_closed(figures, "synthetic", "goal", 500, higher_is_better)
    return {name: gap.value if gap else None for name, gap in found.items()}


def test_the_gap_closed_is_zero_at_the_synthetic_row_and_one_at_the_goal() -> None:
    rows = {"synthetic": 0.2, "half": 0.5, "all": 0.8, "worse": 0.1, "goal": 0.8}
    assert shares({name: figure(value) for name, value in rows.items()}) == pytest.approx(
        {"half": 0.5, "all": 1.0, "worse": -1 / 6}
    )


def test_no_gap_is_closed_where_there_is_none_or_where_it_may_be_chance() -> None:
    assert shares({"synthetic": figure(0.9), "x": figure(0.95), "goal": figure(0.9)}) == {"x": None}
    wide = {"synthetic": figure(0.5, 0.1, 1), "x": figure(0.6, 0.1, 2), "goal": figure(0.7, 0.1, 3)}
    assert shares(wide) == {"x": None}  # 0.2 with a standard error of 0.14
    sure = {"synthetic": figure(0.5, 0.05, 1), "x": figure(0.6, 0.05, 2), "goal": figure(0.7, 0.05, 3)}
    assert shares(sure) == pytest.approx({"x": 0.5})


def test_the_interval_of_the_gap_closed_is_that_of_the_row_where_the_others_are_known() -> None:
    rows = {"synthetic": figure(0.2, 0), "x": figure(0.5, 0.03), "goal": figure(0.8, 0)}
    gap = gap_closed(rows, "synthetic", "goal", 500)["x"]
    assert gap is not None
    assert gap.interval == pytest.approx([0.5 - 0.1, 0.5 + 0.1], abs=0.005)  # 2 x 0.03 / 0.6
    rows["x"] = figure(0.5, 0.0, translators=[0.45, 0.5, 0.55])
    gap = gap_closed(rows, "synthetic", "goal", 500)["x"]
    assert gap is not None
    half = 4.303 * 0.05 / 3**0.5 / 0.6
    assert gap.interval == pytest.approx([0.5 - half, 0.5 + half], abs=1e-3)


def test_rows_that_were_all_right_leave_doubt_in_the_gap_closed() -> None:
    scoring, clusters = ClassScoring(torch.zeros(40, dtype=torch.int64), ["a", "b"]), torch.arange(40)
    parts = {"synthetic": translated(40, 0.5), "x": translated(40, 1.0), "goal": translated(40, 1.0)}
    figures = {name: RowPredictions(scoring, part, clusters).figure for name, part in parts.items()}
    gap = gap_closed(figures, "synthetic", "goal", 40)["x"]
    assert gap is not None
    assert gap.value == 1.0
    assert gap.interval[0] < 0.9


def test_of_errors_less_is_better() -> None:
    values = {"synthetic": 9.0, "half": 6.0, "worse": 10.0, "goal": 3.0}
    figures = {name: figure(value) for name, value in values.items()}
    assert shares(figures, False) == pytest.approx({"half": 0.5, "worse": -1 / 6})
    figures["synthetic"], figures["goal"] = figures["goal"], figures["synthetic"]
    assert shares(figures, False) == {"half": None, "worse": None}


def test_an_error_has_no_share_to_be_sure_of() -> None:
    found = scored(TargetScoring(torch.zeros(5, 1), ["x"]), torch.zeros(1, 5, 1), torch.arange(5))
    assert found["interval"] == [0.0, 0.0]
