from pathlib import Path

import pytest

from refine.errors import InputError
from refine.report.pages.tuned import read_tuning, recommended, tuning_section, tuning_table
from refine.tuning.result import Tuning
from tests.report.pages.trees import save_json, tuning


def read(tmp_path: Path, **more: object) -> Tuning:
    return read_tuning(save_json(tmp_path / "tune-strength.json", tuning(**more)))


def test_the_chosen_point_is_told_and_marked(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert recommended(found) == "Nearest to real at a label error of 5 % or less: runs/a.ckpt at strength 0.5."
    table = tuning_table(found)
    assert table.head == ["Checkpoint", "Strength", "swd", "kid", "Label error", "95 % interval", ""]
    assert table.rows[1] == ["runs/a.ckpt", "0.5", "0.3", "0.03", "2.0 %", "1.0 to 4.0", "chosen"]
    assert table.rows[0][1] == "0 (do nothing)"


def test_no_point_under_the_bound_is_told(tmp_path: Path) -> None:
    assert recommended(read(tmp_path, chosen=None)).startswith("No checkpoint at any strength")


def test_doing_nothing_may_be_best(tmp_path: Path) -> None:
    found = read(tmp_path, chosen={"checkpoint": "runs/a.ckpt", "strength": 0})
    assert "leave them as they are" in recommended(found)


def test_judges_that_seem_blind_are_told(tmp_path: Path) -> None:
    points = [{**point, "only_answer": "red"} for point in tuning()["points"]]
    assert tuning_table(read(tmp_path, points=points)).rows[0][-1] == "the judges nearly always say red"


def test_the_curve_follows_the_colors_of_the_page(tmp_path: Path) -> None:
    section = tuning_section(save_json(tmp_path / "tune.json", tuning()))
    assert "var(--ink)" in section.plot
    assert "a.ckpt" in section.plot
    assert section.provenance == [("seed", "0")]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"points": []}, "points: expected at least one point"),
        ({"metric": "fid"}, r"real_floor\.fid: expected a value"),
        ({"metric": "fid", "real_floor": {"fid": 1.0}}, r"points\[0\]\.distances\.fid: expected a value"),
        ({"label_error_bound": 5}, r"<= 1\.0.*label_error_bound"),
    ],
)
def test_a_wrong_field_is_named(more: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, **more)


@pytest.mark.parametrize("null", [False, True])
def test_what_a_file_of_an_earlier_version_may_lack(tmp_path: Path, null: bool) -> None:
    result = tuning()
    for part, name in (
        (result, "chosen"),
        (result, "provenance"),
        *((each, "only_answer") for each in result["points"]),
    ):
        part[name] = None
        if not null:
            del part[name]
    path = save_json(tmp_path / "tune.json", result)
    assert (read_tuning(path)["chosen"], read_tuning(path)["provenance"]) == (None, {})
    assert tuning_section(path).said.startswith("No checkpoint at any strength")
