import io
import os
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from refine.data.layouts.tar import content, first_names, index_tar, is_inside, window
from tests.data.layouts.examples.webdataset import add, make_shard


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_follow_each_other_to_the_end(tmp_path: Path, kind: int) -> None:
    files = {"a.txt": b"one", "empty": b"", f"{'long' * 30}/{'b' * 20}.bin": b"x" * 1000}
    index = index_tar(make_shard(tmp_path / "a.tar", files, kind))
    assert index.flaw is None
    assert [member.name for member in index.members] == list(files)
    assert [content(tmp_path / "a.tar", member) for member in index.members] == list(files.values())
    ends = [0, *(member.end for member in index.members)]
    assert [member.start for member in index.members] == ends[:-1]
    assert index.end == ends[-1]
    assert index_tar(make_shard(tmp_path / "nothing.tar", {})).end == 0


def test_a_sparse_file_and_a_size_in_an_extended_header_are_flaws(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("big.bin")
        info.size, info.pax_headers = 3, {"size": "3"}
        tar.addfile(info, io.BytesIO(b"abc"))
        sparse = tarfile.TarInfo("sparse.bin")
        sparse.type = tarfile.GNUTYPE_SPARSE
        tar.addfile(sparse)
        tar.addfile(_folder("folder"))
        add(tar, "good.bin", b"x")
    flaws = {member.name: (member.flaw, member.file) for member in index_tar(tmp_path / "a.tar").members}
    assert flaws["big.bin"] == ("its size stands in an extended header", True)
    assert flaws["sparse.bin"][0] == "a sparse file"
    assert flaws["folder"] == (None, False)
    assert flaws["good.bin"] == (None, True)


def _folder(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE
    return info


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a/b", True), ("./a", True), ("a/..b", True), ("/a", False), ("a/../../b", False), ("..", False), ("", False)],
)
def test_names_that_lead_out_are_known(name: str, expected: bool) -> None:
    assert is_inside(name) is expected


def test_a_window_is_a_file_of_its_own(tmp_path: Path) -> None:
    path = make_shard(tmp_path / "a.tar", {"a": b"0123456789", "b": b"other"})
    member = index_tar(path).members[0]
    open_files = Path("/proc/self/fd")
    before = len(list(open_files.iterdir())) if open_files.is_dir() else None
    with window(path, member) as file:
        assert file.read(4) == b"0123"
        assert file.seek(-3, io.SEEK_END) == 7
        assert file.read() == b"789"
        assert file.read() == b""
        file.seek(2)
        file.seek(3, io.SEEK_CUR)
        assert file.read(100) == b"56789"
        assert file.seek(50) == 50
        assert file.read() == b""
    if before is not None:
        assert len(list(open_files.iterdir())) == before


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_an_extended_header_is_not_read_whatever_size_it_names(tmp_path: Path, kind: bytes) -> None:
    shard = make_shard(tmp_path / "a.tar", {"a": b"one"})
    good = shard.read_bytes()[:1024]
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 1 << 30
    shard.write_bytes(good + header.tobuf(tarfile.GNU_FORMAT))
    os.truncate(shard, 1 << 30)  # a hole, which takes no space
    tracemalloc.start()
    try:
        index, names = index_tar(shard), first_names(shard, 9)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert [member.name for member in index.members] == names == ["a"]
    assert index.flaw == "no whole, uncompressed tar (an extended header of 1073741824 bytes)"
