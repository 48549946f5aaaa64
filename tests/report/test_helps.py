import pytest

from refine.report.benchmarked import parse_benchmark
from refine.report.helps import does_it_help
from refine.report.kit.page import Answer
from tests.report.trees import angles, benchmark


def told(answer: Answer) -> str:
    return " ".join(answer.sentences)


def test_a_gain_is_told_with_the_gap_and_the_target() -> None:
    answer = does_it_help(parse_benchmark(benchmark((0.8, 0.9))))
    assert (answer.mark, answer.figure) == ("good", "25.0 % → 85.0 %")
    assert "closes 80.0 % of the gap" in told(answer)
    assert "labeled real images it reaches 95.0 %" in told(answer)


def test_a_loss_is_told_plainly() -> None:
    answer = does_it_help(parse_benchmark(benchmark((0.1, 0.15))))
    assert (answer.mark, answer.verdict) == ("bad", "✗ no")
    assert "is worse on real ones" in told(answer)


@pytest.mark.parametrize(("after", "chance"), [((0.28, 0.4), True), ((0.35, 0.4), False)])
def test_seeds_that_overlap_are_told(after: tuple[float, ...], chance: bool) -> None:
    assert ("may be chance" in told(does_it_help(parse_benchmark(benchmark(after))))) == chance


def test_intervals_count_for_more_than_seeds() -> None:
    result = benchmark((0.35, 0.4))
    result["rows"]["synthetic"]["interval"], result["rows"]["refined"]["interval"] = [0.1, 0.4], [0.3, 0.5]
    assert "may be chance" in told(does_it_help(parse_benchmark(result)))


def test_a_baseline_that_does_better_is_told() -> None:
    answer = does_it_help(parse_benchmark(benchmark((0.5, 0.5), color_transfer=(0.6, 0.6))))
    assert "color statistics alone does better: 60.0 %" in told(answer)


def test_without_a_row_of_its_own_all_are_told_and_not_the_best_alone() -> None:
    result = benchmark(**{"simgan": (0.1, 0.1), "cyclegan": (0.8, 0.8), "cyclegan+synthetic": (0.9, 0.9)})
    del result["rows"]["refined"]
    answer = does_it_help(parse_benchmark(result))
    assert (answer.verdict, answer.figure) == ("± mixed", "25.0 % → 10.0 … 80.0 %")
    named = does_it_help(parse_benchmark(result), ("cyclegan",))
    assert (named.verdict, named.figure) == ("✓ yes", "25.0 % → 80.0 %")


def test_rows_that_lost_or_stayed_are_mixed_and_not_the_same() -> None:
    result = benchmark(simgan=(0.1, 0.1), cyclegan=(0.25, 0.25))
    del result["rows"]["refined"]
    assert does_it_help(parse_benchmark(result)).verdict == "± mixed"


def test_its_own_row_comes_before_one_that_is_named_like_its_folder() -> None:
    answer = does_it_help(parse_benchmark(benchmark((0.8, 0.8), cyclegan=(0.5, 0.5))), ("cyclegan", "synthetic"))
    assert answer.figure == "25.0 % → 80.0 %"


def test_a_test_counts_for_more_than_intervals() -> None:
    result = benchmark((0.35, 0.4))
    result["rows"]["synthetic"]["interval"], result["rows"]["refined"]["interval"] = [0.1, 0.4], [0.3, 0.5]
    result["rows"]["refined"]["difference"] = {"value": 0.125, "interval": [0.02, 0.2], "p": 0.004}
    answer = does_it_help(parse_benchmark(result))
    assert answer.verdict == "✓ yes"
    figures = "+12.5 points, 95 % +2.0 to +20.0 points, p = 0.004 (Holm, over the rows)"
    assert f"The difference is more than chance: {figures}." in answer.sentences
    result["rows"]["refined"]["difference"]["p"] = 0.3
    chance = does_it_help(parse_benchmark(result))
    assert (chance.mark, chance.verdict) == ("even", "± may be chance")
    assert "The difference may be chance" in told(chance)


@pytest.mark.parametrize(
    ("name", "words"),
    [("fda", "FDA alone does better"), ("randomization", "random appearance in training alone does better")],
)
def test_any_baseline_that_does_better_is_told(name: str, words: str) -> None:
    assert f"{words}: 60.0 %" in told(does_it_help(parse_benchmark(benchmark((0.5, 0.5), **{name: (0.6, 0.6)}))))


def test_baselines_and_mixtures_are_no_refined_dataset() -> None:
    names = {"fda": (0.9,), "histogram_matching": (0.9,), "gan": (0.8,), "gan+synthetic": (0.9,), "gan+20_real": (0.9,)}
    result = benchmark(**names)
    del result["rows"]["refined"]
    assert does_it_help(parse_benchmark(result)).figure == "25.0 % → 80.0 %"


def test_of_an_error_less_is_better_and_it_has_its_unit() -> None:
    answer = does_it_help(parse_benchmark(angles(4.0)))
    assert (answer.mark, answer.figure) == ("good", "6.00° → 4.00°")
    assert "4.00° angular error against 6.00°" in told(answer)
    assert "labeled real images it reaches 2.00°" in told(answer)
    assert does_it_help(parse_benchmark(angles(7.0))).mark == "bad"


def test_a_baseline_with_a_lower_error_does_better() -> None:
    assert "color statistics alone does better: 3.00°" in told(does_it_help(parse_benchmark(angles(4.0, 3.0))))
    assert "alone does" not in told(does_it_help(parse_benchmark(angles(4.0, 5.0))))
