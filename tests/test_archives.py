import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from refine.archives import read_npz

NESTED = "(" * 9000


def archive(path: Path, header: str, content: bytes = b"", compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """A file of one array ``a``."""
    magic = b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header.encode()
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("a.npy", magic + content)
    return path


def described(shape: str, dtype: str = "<f8") -> str:
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}\n"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back(tmp_path: Path, save: Callable[..., None], order: Literal["C", "F"]) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    arrays = {"a": values.copy(order), "text": np.array("é"), "none": np.zeros((0, 3))}
    save(tmp_path / "a.npz", **arrays)
    found, text, none = read_npz(tmp_path / "a.npz", ("a", "text", "none"))
    assert np.array_equal(found, values)
    assert found.dtype == np.float32
    assert str(text) == "é"
    assert none.shape == (0, 3)
    assert found.flags.writeable


@pytest.mark.parametrize(
    ("header", "content"),
    [
        (described("(10000000000,)"), b""),
        (described("(2,)"), b"12345678"),
        (described("(2,)", "|O"), b"1234567812345678"),
        (NESTED, b""),
        ("{}", b""),
    ],
)
def test_headers_that_claim_other_things_than_are_there_are_refused(
    tmp_path: Path, header: str, content: bytes
) -> None:
    with pytest.raises(ValueError, match=r"a\.npz: "):
        read_npz(archive(tmp_path / "a.npz", header, content), ("a",))


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_than_numpys_are_refused(tmp_path: Path, compression: int) -> None:
    with pytest.raises(ValueError, match="compressed as numpy never does"):
        read_npz(archive(tmp_path / "a.npz", described("(1,)"), bytes(8), compression), ("a",))


def test_a_file_that_unpacks_to_far_more_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", described("(12500000,)"), bytes(100_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="far more than its file has"):
            read_npz(path, ("a",))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_other_files_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    for content in (buffer.getvalue(), b"", b"PK\x03\x04 no zip"):
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.npz: "):
            read_npz(tmp_path / "a.npz", ("a",))
    np.savez(tmp_path / "a.npz", b=np.zeros(3))
    with pytest.raises(ValueError, match=r"a\.npz: .*no item named 'a\.npy'"):
        read_npz(tmp_path / "a.npz", ("a",))
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "none.npz", ("a",))
