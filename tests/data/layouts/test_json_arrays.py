import json
from pathlib import Path

import pytest

from refine.data.layouts import json_arrays
from refine.data.layouts.json_arrays import elements, read_elements
from refine.errors import InputError
from refine.files import SIZE_VARIABLE

CONTENT = {
    "info": {"a": [1, {"b": "]}"}]},
    "rows": [{"id": 1, "name": "Straße ]"}, [], -2.5e3, "x"],
    "rest": [7],
    "n": 12,
}


def values(path: Path) -> list[object]:
    return [element.value for element in elements(path, frozenset({"rows"}))]


@pytest.mark.parametrize("window", [1, 3, 64, 1 << 22])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_elements_come_one_by_one_whatever_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int, indent: int | None, ascii_only: bool
) -> None:
    monkeypatch.setattr(json_arrays, "_WINDOW", window)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(CONTENT, indent=indent, ensure_ascii=ascii_only), encoding="utf-8")
    assert values(path) == CONTENT["rows"]


def test_places_are_those_of_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(CONTENT, ensure_ascii=False), encoding="utf-8-sig")
    places = [(element.start, element.end) for element in elements(path, frozenset({"rows"}))]
    assert read_elements(path, places[::-1]) == CONTENT["rows"][::-1]  # type: ignore[index]  # a list


@pytest.mark.parametrize(
    "text", ["", "[]", '{"rows": [1, 2', '{"rows": [1 2]}', '{"rows": [1,, 2]}', '{"rows" 1}', '{"a": x}']
)
def test_a_file_that_is_no_json_to_its_end_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"a\.json: cannot be read as JSON to its end \(.*byte \d+"):
        values(path)


@pytest.mark.parametrize("name", ["rows", "rest"])
def test_nesting_without_end_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(f'{{"{name}": ' + "[" * 200_000)
    with pytest.raises(InputError, match=r"a\.json: cannot be read as JSON"):
        values(path)


def test_a_file_that_changed_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}")
    with pytest.raises(InputError, match=r"a\.json: changed after it was opened"):
        read_elements(path, [(5, 9)])


def test_a_damaged_value_is_named_without_reading_the_rest_and_a_value_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_arrays, "_WINDOW", 64)
    monkeypatch.setenv(SIZE_VARIABLE, "1")
    path = tmp_path / "a.json"
    path.write_text('{"rows": [{"a" 1}, ' + '"x", ' * (1 << 20) + "1]}")
    with pytest.raises(InputError, match=r"Expecting ':' delimiter at byte 15"):
        values(path)
    path.write_text('{"rows": ["' + "x" * (1 << 21) + '"]}')
    with pytest.raises(InputError, match=r"the value at byte 10 has more than 1 MiB.*--max-file-size"):
        values(path)
