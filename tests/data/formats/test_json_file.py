from pathlib import Path

import pytest

from refine.data.formats.json_file import read_object
from refine.errors import InputError


def test_values_are_read_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    for text in ('{"a": [1, 2.5, "ü"]}', '\ufeff{"a": [1, 2.5, "ü"]}'):
        (tmp_path / "file.json").write_text(text, encoding="utf-8")
        assert read_object(tmp_path / "file.json") == {"a": [1, 2.5, "ü"]}


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"\xff\xfe\x00", b"[" * 100_000])
def test_damaged_files_are_told_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.json").write_bytes(content)
    with pytest.raises(InputError, match=r"file\.json: not JSON"):
        read_object(tmp_path / "file.json")


def test_missing_files_and_other_values_are_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"file\.json: cannot be read \(No such file"):
        read_object(tmp_path / "file.json")
    (tmp_path / "file.json").write_text("[1]")
    with pytest.raises(InputError, match=r"file\.json: expected a JSON object, found list"):
        read_object(tmp_path / "file.json")
