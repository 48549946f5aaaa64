from pathlib import Path
from typing import TypedDict

import pytest

from refine.errors import InputError
from refine.json_files import Interval, Share
from refine.report.kit.read import finite_typed, read_result


class Result(TypedDict, total=False):
    share: Share
    interval: Interval
    rows: dict[str, float]


@pytest.mark.parametrize("text", ["{", "[1, 2]", "7", "", '"\\ud800', "[" * 100_000])
def test_what_is_no_json_object_is_refused_with_its_file_and_the_cure(tmp_path: Path, text: str) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"metrics\.json.*make it anew"):
        read_result(path, Result, "make it anew")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: cannot be read \(No such file.*make it anew"):
        read_result(tmp_path / "none.json", Result, "make it anew")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"rows": {"a": float("nan")}}, r"x\.json: rows\.a: expected a finite number, found nan; make it anew"),
        ({"other": [{"b": float("-inf")}]}, r"x\.json: other\[0\]\.b: expected a finite number, found -inf"),
        ({"rows": {"a": "high"}}, r"x\.json: Expected `float`, got `str`.*rows.*make it anew"),
        ({"rows": {"a": True}}, "Expected `float`, got `bool`"),
        ({"share": 1.01}, r"Expected `float` <= 1\.0.*share"),
        ({"share": -0.01}, r"Expected `float` >= 0\.0.*share"),
        ({"interval": [1, 2, 3]}, "length <= 2.*interval"),
        ({"interval": [1]}, "length >= 2.*interval"),
    ],
)
def test_a_value_that_is_none_is_refused_with_its_place(value: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        finite_typed(value, Result, "x.json", "make it anew")
