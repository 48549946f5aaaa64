from pathlib import Path

import pytest

from refine.errors import InputError
from refine.report.read import Node, read_node


def node(value: object) -> Node:
    return Node(value, "x.json", "make it anew")


@pytest.mark.parametrize("text", ["{", "[1, 2]", "7", "", '"\\ud800', "[" * 100_000])
def test_what_is_no_json_object_is_refused_with_its_file_and_the_cure(tmp_path: Path, text: str) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"metrics\.json.*make it anew"):
        read_node(path, "make it anew")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: cannot be read \(No such file.*make it anew"):
        read_node(tmp_path / "none.json", "make it anew")


def test_an_error_names_the_place_and_what_was_found_there() -> None:
    with pytest.raises(InputError, match=r"x\.json: rows\.a: expected a finite number, found 'high'; make it anew"):
        node({"rows": {"a": "high"}}).need("rows").need("a").number()


def test_a_missing_field_is_named() -> None:
    with pytest.raises(InputError, match=r"rows\.b: expected .*found nothing"):
        node({"rows": {}}).need("rows").need("b").number()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "1", None, [1]])
def test_only_finite_numbers_are_numbers(value: object) -> None:
    with pytest.raises(InputError, match="finite number"):
        node(value).number()


def test_null_is_as_good_as_missing() -> None:
    assert node({"a": None}).optional("a") is None


@pytest.mark.parametrize("value", [-0.01, 1.01])
def test_a_share_lies_between_0_and_1(value: float) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        node(value).share()


@pytest.mark.parametrize("value", [[1], [1, 2, 3], [2, 1]])
def test_an_interval_has_two_ends_in_order(value: list[int]) -> None:
    with pytest.raises(InputError, match=r"\[low, high\]"):
        node(value).interval()


def test_flat_names_every_value_by_its_way() -> None:
    assert node({"a": {"b": 1, "c": None}, "d": [1, "x"]}).flat() == [("a.b", "1"), ("a.c", "null"), ("d", '[1, "x"]')]


def test_objects_in_objects_without_end_are_refused() -> None:
    value: dict[str, object] = {}
    for _ in range(900):
        value = {"a": value}
    with pytest.raises(InputError, match=r"more than 100 levels"):
        node(value).flat()
