"""JSON files as they are written and read back."""

import json
from pathlib import Path
from typing import Literal, NotRequired, TypedDict

import pytest

from refine.errors import InputError
from refine.files import files_up_to
from refine.json_files import as_typed, read_json, read_json_lines, read_typed, write_json


def test_json_comes_back_as_it_was(tmp_path: Path) -> None:
    value = {"rows": [{"value": 1.5, "name": "é"}], "none": None}
    assert json.loads(write_json(value, tmp_path / "a.json").read_text()) == value


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"\xff\xfe\x00", b"[" * 100_000, b"1" * 5000])
def test_damaged_json_is_named_with_what_to_do(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.json: not JSON \(.*\); audit again"):
        read_json(tmp_path / "a.json", "audit again")
    (tmp_path / "a.jsonl").write_bytes(b"1\n" + (content or b"\n"))
    with pytest.raises(InputError, match=r"a\.jsonl(: line 2)?: not JSON \(.*\); audit again"):
        list(read_json_lines(tmp_path / "a.jsonl", "audit again"))


def test_json_lines_come_with_their_places_and_each_has_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n[]')
    assert list(read_json_lines(path, "")) == [(f"{path}: line 1", {"a": 1}), (f"{path}: line 2", [])]
    path.write_text(f"[]\n[{' ' * (1 << 20)}]")
    with files_up_to(1), pytest.raises(InputError, match=r"a\.jsonl: cannot be read \(one of its lines has more than"):
        list(read_json_lines(path, ""))


class Measured(TypedDict):
    name: str
    sizes: NotRequired[list[int]]
    word: NotRequired[Literal["a", "b"]]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"name": "a", "sizes": [1, 2], "later": None}, {"name": "a", "sizes": [1, 2]}),
        ({"name": "\udcfe", "\udcff": [{"\udcff": 1}]}, {"name": "\udcfe"}),  # a key that is not Unicode
    ],
)
def test_what_was_written_from_a_type_is_read_as_that_type(tmp_path: Path, value: object, found: object) -> None:
    assert read_typed(write_json(value, tmp_path / "a.json"), Measured, "measure again") == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"name": 1}, "Expected `str`, got `int` - at `$.name`"),
        ({"name": "a", "sizes": ["b"]}, "$.sizes[0]"),
        ({"name": "a", "word": "\udcff"}, "surrogates not allowed"),
        ({"name": "a", "word": "c\nd"}, "word"),
        ([], "object"),
    ],
)
def test_a_value_of_another_type_is_one_line_on_what_differs_and_what_to_do(value: object, found: str) -> None:
    with pytest.raises(InputError, match=r"^a\.json: .*; measure again$") as error:
        as_typed(value, Measured, "a.json", "measure again")
    assert found in str(error.value)
