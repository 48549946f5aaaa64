import re
from pathlib import Path
from typing import Any

import pytest

from refine.errors import InputError
from refine.report.kit.page import Answer
from refine.report.pages.evaluated import (
    compared,
    distances_svg,
    distances_table,
    is_it_more_real,
    overlap,
    read_metrics,
)
from tests.report.pages.trees import metrics, save_json, told


def test_scores_compare_at_the_number_of_images_that_the_floor_has(tmp_path: Path) -> None:
    scores = compared(read_metrics(save_json(tmp_path / "m.json", metrics(0.4, 0.2, 0.1))), "swd")
    assert {row: round(score["value"], 6) for row, score in scores.items()} == {
        "synthetic": 0.41,
        "refined": 0.21,
        "real_floor": 0.1,
    }


def test_without_a_floor_they_compare_with_all_images(tmp_path: Path) -> None:
    result = metrics(0.4, 0.2)
    del result["rows"]["real_floor"]
    scores = compared(read_metrics(save_json(tmp_path / "m.json", result)), "swd")
    assert [score["value"] for score in scores.values()] == [0.4, 0.2]


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
    with pytest.raises(InputError, match=r"Expected `float`, got `str`.*value`"):
        read_metrics(save_json(tmp_path / "m.json", result))


def test_intervals_overlap_where_they_have_something_in_common() -> None:
    assert overlap([0.0, 2.0], [1.0, 3.0])
    assert not overlap([0.0, 1.0], [2.0, 3.0])
    assert not overlap(None, [0.0, 1.0])


def real(tmp_path: Path, result: dict[str, Any]) -> Answer:
    return is_it_more_real(read_metrics(save_json(tmp_path / "m.json", result)))


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


def with_change(value: float, low: float, high: float) -> dict[str, Any]:
    """A refined side whose change has an interval; the sides' own intervals overlap."""
    result = metrics(0.4, 0.4 + value)
    for row in ("synthetic", "refined"):
        result["rows"][row]["swd"]["interval"] = [0.0, 1.0]
    result["rows"]["refined"]["swd"]["change"] = {"value": value, "interval": [low, high], "paired": True}
    return result


def test_the_interval_of_the_change_counts_for_more_than_those_of_both_sides(tmp_path: Path) -> None:
    assert "may be chance" not in told(real(tmp_path, with_change(-0.1, -0.2, -0.05)))
    assert "The change may be chance: its 95 % interval is -0.2 to 0.1." in told(
        real(tmp_path, with_change(-0.1, -0.2, 0.1))
    )


def test_where_higher_is_nearer_a_rise_is_good_and_a_fall_is_bad(tmp_path: Path) -> None:
    def recall(before: float, after: float) -> Answer:
        result = metrics(before, after, 0.9)
        for row in result["rows"].values():
            row["recall"] = {**row.pop("swd"), "higher_is_nearer": True}
            row["recall"]["at_floor_n"] = {**row["recall"].get("at_floor_n", row["recall"]), "higher_is_nearer": True}
        return real(tmp_path, result)

    assert recall(0.2, 0.4).mark == "good"
    assert "nearer to the real ones than the synthetic images were: recall rose" in told(recall(0.2, 0.4))
    assert "Two halves of the real images reach 0.9" in told(recall(0.2, 0.4))
    assert recall(0.4, 0.2).mark == "bad"
    assert "farther from the real ones than the synthetic images were: recall fell" in told(recall(0.4, 0.2))


def test_a_second_metric_where_higher_is_nearer_agrees_when_it_rises(tmp_path: Path) -> None:
    def both(before: float, after: float) -> Answer:
        result = metrics(0.4, 0.2)
        for row, value in (("synthetic", before), ("refined", after)):
            result["rows"][row]["recall"] = {"value": value, "n": [6, 6], "higher_is_nearer": True}
        return real(tmp_path, result)

    assert both(0.2, 0.4).verdict == "✓ yes"
    assert both(0.4, 0.2).verdict == "± mixed"
    assert "But recall fell, where higher is nearer: 0.4 before, 0.2 after." in told(both(0.4, 0.2))


def test_a_second_metric_that_moved_by_chance_takes_nothing_away(tmp_path: Path) -> None:
    result = metrics(0.4, 0.2)
    for row, value in (("synthetic", 1.0), ("refined", 2.0)):
        result["rows"][row]["kid"] = {"value": value, "n": [6, 6]}
    result["rows"]["refined"]["kid"]["change"] = {"value": 1.0, "interval": [-1.0, 3.0]}
    assert real(tmp_path, result).verdict == "✓ yes"


def test_warnings_are_counted(tmp_path: Path) -> None:
    assert "2 warnings on how" in told(real(tmp_path, {**metrics(), "warnings": ["few images", "formats differ"]}))
    assert "warning" not in told(real(tmp_path, metrics()))


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


def test_what_else_is_known_of_a_distance_has_its_columns(tmp_path: Path) -> None:
    result = metrics(0.4, 0.2)
    change = {"value": -0.2, "interval": [-0.3, -0.1]}
    result["rows"]["refined"]["swd"] |= {
        "change": change,
        "infinite": {"value": 0.15, "sizes": [], "values": []},
        "higher_is_nearer": True,
    }
    table = distances_table(read_metrics(save_json(tmp_path / "m.json", result)))
    refined = dict(zip(table.head, table.rows[1], strict=True))
    assert refined["Metric"] == "swd (higher is nearer)"
    assert (refined["Change"], refined["95 % of the change"]) == ("-0.2", "-0.3 to -0.1")
    assert refined["At infinite number"] == "0.15"


def distances(tmp_path: Path, before: float = 0.4, after: float = 0.2) -> str:
    return distances_svg(read_metrics(save_json(tmp_path / "m.json", metrics(before, after, 0.1))))


def test_distances_show_both_sides_and_the_floor(tmp_path: Path) -> None:
    svg = distances(tmp_path)
    for text in ("synthetic", "refined", ">0.41<", ">0.21<", "real against real, 0.1"):
        assert text in svg


def test_distances_below_zero_and_of_zero_can_be_drawn(tmp_path: Path) -> None:
    assert "-0.01" in distances(tmp_path, -0.02, -0.01).replace("\N{MINUS SIGN}", "-")
    assert distances(tmp_path, 0.0, 0.0)


def test_a_metric_where_higher_is_nearer_says_so(tmp_path: Path) -> None:
    result = metrics()
    for row in result["rows"].values():
        row["swd"]["higher_is_nearer"] = True
        row["swd"].pop("at_floor_n", None)
    assert "swd (higher is nearer)" in distances_svg(read_metrics(save_json(tmp_path / "m.json", result)))


def test_plots_do_not_change_from_run_to_run_and_follow_the_colors_of_the_page(tmp_path: Path) -> None:
    svg = distances(tmp_path)
    assert svg == distances(tmp_path)
    assert "<dc:date>" not in svg
    assert "var(--ink)" in svg
    assert not re.search(r"(fill|stroke): #(?!ffffff)", svg)


@pytest.mark.parametrize("fill", [{}, {"warnings": None, "provenance": None}])
def test_a_file_of_an_earlier_version_may_have_the_rows_alone(tmp_path: Path, fill: dict[str, None]) -> None:
    result = {"rows": metrics()["rows"], **fill}
    result["rows"]["refined"]["swd"] |= {"interval": None, "change": None, "infinite": {"value": 0.1}}
    found = read_metrics(save_json(tmp_path / "m.json", result))
    assert (found["warnings"], found["provenance"]) == ([], {})
    assert is_it_more_real(found).mark == "good"
    assert distances_svg(found)
    assert dict(zip((table := distances_table(found)).head, table.rows[1], strict=True))["At infinite number"] == "0.1"


def test_nulls_in_the_record_stay(tmp_path: Path) -> None:
    result = {**metrics(), "provenance": {"swd": None}}
    assert read_metrics(save_json(tmp_path / "m.json", result))["provenance"] == {"swd": None}


def test_scores_in_scores_without_end_are_refused(tmp_path: Path) -> None:
    score = '{"value": 1, "n": [], "at_floor_n": ' * 900 + "null" + "}" * 900
    (tmp_path / "m.json").write_text('{"rows": {"synthetic": {"swd": ' + score + "}}}")
    with pytest.raises(InputError, match=r"m\.json: .*make it anew"):
        read_metrics(tmp_path / "m.json")
