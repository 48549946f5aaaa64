from pathlib import Path

import h5py
import numpy as np
import pytest

from refine.data.layouts.hdf5 import LARGEST, ColorImage, color_image, color_images, opened_hdf5, stored
from refine.errors import InputError
from tests.data.layouts.examples.blenderproc import HEIGHT, WIDTH, contents, write_container


def test_pictures_are_found_with_their_places(tmp_path: Path) -> None:
    shape = (HEIGHT, WIDTH, 3)
    with opened_hdf5(write_container(tmp_path / "0.hdf5", contents(0))) as file:
        assert color_images(file) == [ColorImage("colors", "colors", None, None, shape)]
    with opened_hdf5(write_container(tmp_path / "1.hdf5", contents(0, "stacked"))) as file:
        assert color_images(file) == [ColorImage(f"colors/{eye}", "colors", eye, eye, shape) for eye in (0, 1)]
    with opened_hdf5(write_container(tmp_path / "2.hdf5", contents(0, "separate"))) as file:
        assert color_images(file) == [ColorImage(f"colors_{eye}", f"colors_{eye}", eye, None, shape) for eye in (0, 1)]
        with pytest.raises(InputError, match=r"2\.hdf5: no colors, only colors_0, colors_1"):
            color_image(file, "colors")


@pytest.mark.parametrize(
    "values", [np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.uint8), np.zeros((3, 4, 4, 3), np.uint8)]
)
def test_pictures_of_another_form_are_refused(tmp_path: Path, values: np.ndarray) -> None:
    path = write_container(tmp_path / "0.hdf5", {"colors": values})
    with opened_hdf5(path) as file, pytest.raises(InputError, match=r"0\.hdf5: colors is .* expected uint8"):
        color_images(file)


def test_nothing_outside_of_the_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(48))
    write_container(tmp_path / "other.hdf5", {"colors": np.zeros((4, 4, 3), np.uint8)})
    path = tmp_path / "0.hdf5"
    layout = h5py.VirtualLayout(shape=(4, 4, 3), dtype=np.uint8)
    layout[...] = h5py.VirtualSource(str(tmp_path / "other.hdf5"), "colors", shape=(4, 4, 3))
    with h5py.File(path, "w") as file:
        file["linked"] = h5py.ExternalLink(str(tmp_path / "other.hdf5"), "colors")
        file["soft"] = h5py.SoftLink("/linked")
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("raw", (4, 4, 3), np.uint8, external=str(tmp_path / "secret"))
        file.create_group("folder")
    with opened_hdf5(path) as file:
        for name in ("linked", "soft"):
            with pytest.raises(InputError, match=rf"0\.hdf5: {name} is a link"):
                stored(file, name)
        for name in ("virtual", "raw"):
            with pytest.raises(InputError, match=rf"0\.hdf5: the values of {name} lie in other files"):
                stored(file, name)
        with pytest.raises(InputError, match="folder is no dataset"):
            stored(file, "folder")


def test_a_small_file_cannot_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "0.hdf5"
    with h5py.File(path, "w") as file:
        file.create_dataset("colors", (LARGEST // 1024, 1024, 3), np.uint8, chunks=(1024, 1024, 3), compression="gzip")
    assert path.stat().st_size < 10_000
    with opened_hdf5(path) as file, pytest.raises(InputError, match=rf"nothing above {LARGEST} is read"):
        color_images(file)


def test_a_size_that_compression_cannot_explain_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "0.hdf5"
    with h5py.File(path, "w") as file:
        file.create_dataset("colors", (6000, 6000, 3), np.uint8, chunks=(1, 6000, 3), compression="gzip")
        file["colors"][0] = 255
        file.create_dataset("plain", data=np.zeros((5000, 5000, 3), np.uint8))
    with (
        opened_hdf5(path) as file,
        pytest.raises(InputError, match=r"0\.hdf5: colors claims 108000000 bytes"),
    ):
        color_images(file)
    with opened_hdf5(path) as file:
        assert stored(file, "plain").nbytes == 75_000_000


def test_files_that_are_missing_or_of_another_kind_are_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"0\.hdf5: no such file"), opened_hdf5(tmp_path / "0.hdf5"):
        pass
    (tmp_path / "1.hdf5").write_text("text")
    with pytest.raises(InputError, match=r"1\.hdf5: cannot be read as an HDF5 file"), opened_hdf5(tmp_path / "1.hdf5"):
        pass
    path = write_container(tmp_path / "2.hdf5", {"depth": np.zeros(3)})
    with opened_hdf5(path) as file, pytest.raises(InputError, match=r"2\.hdf5: holds no dataset colors, only depth"):
        stored(file, "colors")


def test_a_file_that_may_not_be_read_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "4.hdf5"
    path.touch()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, f"Unable to open file (unable to open file: name = '{path}', errno = 13)")

    monkeypatch.setattr(h5py, "File", refuse)
    with pytest.raises(InputError) as error, opened_hdf5(path):
        pass
    assert str(error.value) == f"{path}: may not be read; change its permissions"
