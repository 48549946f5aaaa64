from pathlib import Path
from typing import Any

import pytest

from refine.report.answers import Answer, are_the_labels_intact, does_it_help, is_it_more_real, two
from refine.report.measured import parse_benchmark, read_metrics
from refine.report.refined import read_refined
from tests.report.trees import add_to_manifest, benchmark, failed, make, metrics, save_json


def real(tmp_path: Path, result: dict[str, Any]) -> Answer:
    return is_it_more_real(read_metrics(save_json(tmp_path / "m.json", result)))


def told(answer: Answer) -> str:
    return " ".join(answer.sentences)


def test_a_distance_that_fell_is_told_with_the_floor(tmp_path: Path) -> None:
    answer = real(tmp_path, metrics(0.4, 0.2, 0.1))
    assert (answer.mark, answer.figure) == ("good", "0.41 → 0.21")
    assert "nearer to the real ones" in told(answer)
    assert "0.1 apart: that is the floor" in told(answer)


def test_a_distance_that_rose_is_told_plainly(tmp_path: Path) -> None:
    answer = real(tmp_path, metrics(0.2, 0.4))
    assert (answer.mark, answer.verdict) == ("bad", "✗ no")
    assert "farther from the real ones" in told(answer)
    assert "nearer" not in told(answer)


def test_a_distance_that_stayed_is_neither(tmp_path: Path) -> None:
    answer = real(tmp_path, metrics(0.2, 0.2))
    assert answer.mark == "even"
    assert "did not change" in told(answer)


def test_a_second_metric_that_disagrees_takes_the_yes_away(tmp_path: Path) -> None:
    result = metrics(0.4, 0.2)
    for row, value in (("synthetic", 1.0), ("refined", 2.0)):
        result["rows"][row]["fid[task]"] = {"value": value, "n": [6, 6]}
    answer = real(tmp_path, result)
    assert answer.verdict == "± mixed"
    assert "But fid[task] rose: 1 before, 2 after." in told(answer)


def test_overlapping_intervals_are_told(tmp_path: Path) -> None:
    result = metrics(0.4, 0.3)
    result["rows"]["synthetic"]["swd"]["interval"] = [0.3, 0.5]
    result["rows"]["refined"]["swd"]["interval"] = [0.2, 0.4]
    assert "may be chance" in told(real(tmp_path, result))
    result["rows"]["refined"]["swd"]["interval"] = [0.2, 0.29]
    assert "may be chance" not in told(real(tmp_path, result))


def test_two_numbers_that_differ_look_different() -> None:
    assert two(0.12341, 0.12343) == ("0.12341", "0.12343")
    assert two(0.5, 0.5) == ("0.5", "0.5")


def test_intact_labels_are_counted(tmp_path: Path) -> None:
    answer = are_the_labels_intact(read_refined(make(tmp_path).refined))
    assert (answer.mark, answer.figure) == ("good", "2 files identical")
    assert "6 images refined" in told(answer)
    assert "not measured here" in told(answer)


def test_failed_images_are_counted_and_labels_still_stand(tmp_path: Path) -> None:
    trees = make(tmp_path)
    add_to_manifest(trees, failed("red/x.png"), failed("red/y.png"))
    answer = are_the_labels_intact(read_refined(trees.refined))
    assert (answer.mark, answer.verdict) == ("even", "! 2 missing")
    assert "2 files failed and are missing" in told(answer)


def test_a_file_that_could_not_be_carried_may_be_a_label(tmp_path: Path) -> None:
    trees = make(tmp_path)
    add_to_manifest(trees, failed("red/boxes.txt", kind="carried"))
    answer = are_the_labels_intact(read_refined(trees.refined))
    assert answer.mark == "bad"
    assert "1 of them no image: labels may be lost" in told(answer)


def test_an_unfinished_run_is_no_yes(tmp_path: Path) -> None:
    trees = make(tmp_path)
    (trees.refined / ".refine-tmp-unfinished").touch()
    answer = are_the_labels_intact(read_refined(trees.refined))
    assert (answer.mark, answer.verdict) == ("bad", "✗ not finished")


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
