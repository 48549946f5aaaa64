import shutil
import time
import tracemalloc
from hashlib import sha256
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from refine.apply import hdf5
from refine.apply.hdf5 import Pixels, digests, read_pictures, rewrite
from refine.data.layouts.blenderproc import BlenderProc
from refine.errors import InputError
from tests.data.layouts.examples.blenderproc import HEIGHT, WIDTH, contents, write_blenderproc, write_container


def inverted(container: Path) -> dict[str, Pixels]:
    return {name: 255 - pixels for name, pixels in read_pictures(container).items()}


def everything(path: Path, but: tuple[str, ...]) -> dict[str, Any]:
    """Of each dataset: place and bytes of every chunk as they lie on disk, its creation settings, its attributes."""
    found: dict[str, Any] = {}
    with h5py.File(path) as file:
        found["/"] = dict(file.attrs)
        for name in file:
            if name in but:
                continue
            dataset = file[name]
            chunks = (
                [dataset.id.get_chunk_info(number) for number in range(dataset.id.get_num_chunks())]
                if dataset.chunks
                else []
            )
            raw = [dataset.id.read_direct_chunk(chunk.chunk_offset)[1] for chunk in chunks]
            places = [chunk.byte_offset for chunk in chunks] or [dataset.id.get_offset()]
            settings = dataset.dtype, dataset.shape, dataset.chunks, dataset.compression, dataset.compression_opts
            found[name] = settings, places, raw, bytes(np.asarray(dataset[()]).tobytes()), dict(dataset.attrs)
    return found


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """One that was written with times, attributes and other compressions."""
    path = write_container(tmp_path / "0.hdf5", contents(1))
    with h5py.File(path, "r+") as file:
        file.attrs["note"] = "kept"
        file["depth"].attrs["unit"] = "meters"
        file["colors"].attrs["space"] = "sRGB"
        file.create_dataset(
            "nocs", data=np.arange(60, dtype=np.uint16), chunks=(7,), compression="lzf", track_times=True
        )
        file.create_dataset("plain", data=np.arange(5))
    return path


def test_members_are_named_as_the_layout_names_them(tmp_path: Path) -> None:
    for stereo in ("", "stacked", "separate"):
        root = write_blenderproc(tmp_path / f"kind{stereo}", frames=1, stereo=stereo)
        pictures = read_pictures(root / "0.hdf5")
        assert list(pictures) == [record.member for record in BlenderProc(root).records()]
        for record in BlenderProc(root).records():
            image = BlenderProc(root).image(record, 3).permute(1, 2, 0).numpy()
            assert np.array_equal(pictures[record.member], image)


def test_pictures_are_replaced_and_all_else_stays_byte_for_byte(tmp_path: Path, container: Path) -> None:
    before = container.read_bytes()
    rewrite(container, tmp_path / "new", inverted(container))
    assert container.read_bytes() == before
    assert np.array_equal(read_pictures(tmp_path / "new")["colors"], inverted(container)["colors"])
    assert everything(tmp_path / "new", but=("colors",)) == everything(container, but=("colors",))
    with h5py.File(container) as old, h5py.File(tmp_path / "new") as new:
        kept = ("dtype", "shape", "chunks", "compression", "compression_opts", "maxshape", "fillvalue")
        assert [getattr(old["colors"], name) for name in kept] == [getattr(new["colors"], name) for name in kept]
        assert dict(new["colors"].attrs) == {"space": "sRGB"}


def test_the_same_input_gives_the_same_bytes_at_any_time(tmp_path: Path, container: Path) -> None:
    rewrite(container, tmp_path / "one", inverted(container))
    time.sleep(1.1)  # HDF5 counts seconds
    shutil.copy(container, tmp_path / "copy")
    rewrite(tmp_path / "copy", tmp_path / "two", inverted(tmp_path / "copy"))
    assert sha256((tmp_path / "one").read_bytes()).digest() == sha256((tmp_path / "two").read_bytes()).digest()


def test_both_eyes_are_replaced_each_by_its_own(tmp_path: Path) -> None:
    for stereo, members in (("stacked", ("colors/0", "colors/1")), ("separate", ("colors_0", "colors_1"))):
        source = write_container(tmp_path / f"{stereo}.hdf5", contents(0, stereo))
        pictures = read_pictures(source)
        rewrite(source, tmp_path / stereo, {name: np.full_like(pictures[name], int(name[-1]) + 7) for name in members})
        for number, member in enumerate(members):
            assert (read_pictures(tmp_path / stereo)[member] == number + 7).all()
        names = ("colors", *members)
        assert everything(tmp_path / stereo, but=names) == everything(source, but=names)


def test_alpha_stays(tmp_path: Path) -> None:
    alpha = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH, 1)
    source = write_container(tmp_path / "0.hdf5", {"colors": np.concatenate([contents(0)["colors"], alpha], axis=2)})
    rewrite(source, tmp_path / "new", inverted(source))
    with h5py.File(tmp_path / "new") as file:
        assert np.array_equal(file["colors"][..., 3:], alpha)
        assert np.array_equal(file["colors"][..., :3], 255 - contents(0)["colors"])


def test_nothing_is_left_behind_where_it_fails(tmp_path: Path, container: Path) -> None:
    pixels = read_pictures(container)["colors"]
    with pytest.raises(InputError, match=r"0\.hdf5: colors cannot become uint8 of shape \(12, 32, 3\)"):
        rewrite(container, tmp_path / "new", {"colors": pixels[::2]})
    with pytest.raises(InputError, match="cannot become float64"):
        rewrite(container, tmp_path / "new", {"colors": pixels / 2})  # type: ignore[dict-item]  # what a careless caller does
    container.write_bytes(container.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"0\.hdf5: cannot be read as an HDF5 file"):
        rewrite(container, tmp_path / "new", {"colors": pixels})
    assert not (tmp_path / "new").exists()


def chunk_place(path: Path, name: str) -> tuple[int, int]:
    """Where the first chunk of a dataset lies, and its length in bytes."""
    with h5py.File(path) as file:
        info = file[name].id.get_chunk_info(0)
        return info.byte_offset, info.size


def spoil(path: Path, place: int, count: int) -> None:
    content = bytearray(path.read_bytes())
    content[place : place + count] = b"\xa5" * count
    path.write_bytes(content)


@pytest.mark.parametrize("what", ["chunk", "heap"])
def test_a_container_of_which_anything_cannot_be_read_is_refused_whole(
    tmp_path: Path, container: Path, what: str
) -> None:
    if what == "chunk":  # of a dataset that is neither a picture nor a label
        spoil(container, *chunk_place(container, "normals"))
    else:  # where the attributes of text lie
        spoil(container, container.read_bytes().index(b"GCOL"), 4)
    with pytest.raises(InputError, match=r"0\.hdf5: cannot be read as an HDF5 file"):
        rewrite(container, tmp_path / "new", inverted(container))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["normals", "colors"])
def test_a_copy_in_which_anything_else_changed_is_refused(
    tmp_path: Path, container: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(path: Path, wanted: object) -> None:
        with h5py.File(path, "r+") as file:
            file[name][3:5] = 7

    monkeypatch.setattr(hdf5, "_replace", careless)
    with pytest.raises(InputError, match=f"writing its pictures changed {name}"):
        rewrite(container, tmp_path / "new", inverted(container))
    assert not (tmp_path / "new").exists()


def test_digests_know_attributes_links_and_what_lies_deeper(tmp_path: Path, container: Path) -> None:
    with h5py.File(container, "r+") as file:
        deep = file.create_group("deep/er")
        deep.create_dataset("texts", data=["a", "b"], dtype=h5py.string_dtype())
        deep["up"] = file["deep"]  # a circle
        file["soft"] = h5py.SoftLink("/nowhere")
        file.create_dataset("empty", data=h5py.Empty("f"))
    before = container.read_bytes()

    def found() -> dict[str, str]:
        with h5py.File(container) as file:
            return digests(file, frozenset({"colors"}))

    whole = found()
    assert {"", "deep/er/texts", "colors", "empty"} <= whole.keys()

    def attribute(file: Any) -> None:
        file["deep/er"].attrs["x"] = 1

    def text(file: Any) -> None:
        file["deep/er/texts"][1] = "c"

    def link(file: Any) -> None:
        del file["soft"]
        file["soft"] = h5py.SoftLink("/elsewhere")

    for change, key in ((attribute, "deep/er"), (text, "deep/er/texts"), (link, "")):
        container.write_bytes(before)
        with h5py.File(container, "r+") as file:
            change(file)
        after = found()
        assert [name for name in whole if after[name] != whole[name]] == [key]


def test_a_copy_that_cannot_be_finished_is_gone(
    tmp_path: Path, container: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        rewrite(container, tmp_path / "new", inverted(container))
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path, container: Path) -> None:
    (tmp_path / "new").write_text("mine")
    with pytest.raises(FileExistsError):
        rewrite(container, tmp_path / "new", inverted(container))
    assert (tmp_path / "new").read_text() == "mine"


def test_no_other_file_is_written_through_the_pictures(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(bytes(48))
    with h5py.File(tmp_path / "0.hdf5", "w") as file:
        file.create_dataset("colors", (4, 4, 3), np.uint8, external=str(tmp_path / "victim"))
    with pytest.raises(InputError, match="lie in other files"):
        rewrite(tmp_path / "0.hdf5", tmp_path / "new", {"colors": np.ones((4, 4, 3), np.uint8)})
    assert (tmp_path / "victim").read_bytes() == bytes(48)


def one_value_for_all(path: Path, count: int, size: int) -> None:
    """Adds ``count`` values of variable length, all of which refer to the bytes of the first."""
    with h5py.File(path, "r+") as file:
        dataset = file.create_dataset("lists", (count,), h5py.vlen_dtype(np.uint8))
        dataset[0] = np.ones(size, np.uint8)
        dataset[1:] = [np.zeros(1, np.uint8)] * (count - 1)
        start = dataset.id.get_offset()
    content = bytearray(path.read_bytes())
    content[start : start + 16 * count] = content[start : start + 16] * count
    path.write_bytes(content)


def test_references_to_one_value_do_not_multiply_it_in_memory(tmp_path: Path, container: Path) -> None:
    one_value_for_all(container, count=2000, size=1 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"0\.hdf5: lists unpacks to far more than a file of \d+ bytes holds"):
            rewrite(container, tmp_path / "new", inverted(container))
        assert tracemalloc.get_traced_memory()[1] < 1 << 28
    finally:
        tracemalloc.stop()
    assert not (tmp_path / "new").exists()


def test_values_of_variable_length_are_read_and_kept(tmp_path: Path, container: Path) -> None:
    with h5py.File(container, "r+") as file:
        file.create_dataset("words", data=["a", "bc"], dtype=h5py.string_dtype())
        file.create_dataset("lists", (2,), h5py.vlen_dtype(h5py.vlen_dtype("i4")))
        file.create_dataset("rows", (2,), [("a", "i4"), ("b", h5py.string_dtype())])
        file["colors"].attrs.create("tags", ["x", "y"], dtype=h5py.string_dtype())
        file["all"] = file["/"]  # a group that holds itself
    rewrite(container, tmp_path / "new", inverted(container))
    with h5py.File(tmp_path / "new") as file:
        assert [word.decode() for word in file["words"][()]] == ["a", "bc"]


@pytest.mark.parametrize("chunks", [(1,), (1, 1)])
def test_absurdly_small_chunks_are_refused_and_not_counted_through(
    tmp_path: Path, container: Path, chunks: tuple[int, ...]
) -> None:
    with h5py.File(container, "r+") as file:
        file.create_dataset("dust", (1 << 20, 60)[: len(chunks)], "u1", chunks=chunks)
    with pytest.raises(InputError, match=r"0\.hdf5: dust is in chunks of \(1,.*, which makes more than 131072 of them"):
        rewrite(container, tmp_path / "new", inverted(container))


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("name", ["a", "copy_of_colors", "group/z"])
def test_a_second_name_of_the_pictures_is_refused_since_both_would_change(
    tmp_path: Path, container: Path, name: str, soft: bool
) -> None:
    with h5py.File(container, "r+") as file:
        file[name] = h5py.SoftLink("/colors") if soft else file["colors"]
    with pytest.raises(InputError, match=r"0\.hdf5: .*colors.* are one dataset under two names"):
        rewrite(container, tmp_path / "new", inverted(container))
    assert not (tmp_path / "new").exists()
