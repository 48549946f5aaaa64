from pathlib import Path

import pytest

from refine.data.formats.text_rows import numbers, text_rows
from refine.errors import InputError


def test_lines_keep_their_number_and_empty_ones_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeff0 0.5\t1\r\n  \r\n1\n".encode())
    assert list(text_rows(path)) == [(f"{path}, line 1", ["0", "0.5", "1"]), (f"{path}, line 3", ["1"])]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xfa"])
def test_what_is_no_text_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.txt: cannot be read as text \(.*\); replace it"):
        list(text_rows(tmp_path / "a.txt"))


def test_values_are_floats() -> None:
    assert numbers(["1", "-0.5", "2e-1"], "a.txt") == [1, -0.5, 0.2]


@pytest.mark.parametrize("value", ["car", "nan", "inf", "1e999", ""])
def test_what_is_no_finite_number_is_named_with_its_place(value: str) -> None:
    with pytest.raises(InputError, match=rf"^a\.txt, line 3: expected a finite number, found '{value}'; correct"):
        numbers(["1", value], "a.txt, line 3")
