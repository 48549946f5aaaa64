from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from refine.data.formats.wide_png import wide_colors
from refine.errors import InputError
from tests.data.layouts.examples.synthia import write_wide_png


@pytest.fixture
def stored(tmp_path: Path) -> NDArray[np.uint16]:
    colors = np.random.default_rng(0).integers(0, 1 << 16, (9, 7, 3), dtype=np.uint16)
    write_wide_png(tmp_path / "a.png", colors)
    return colors


def test_every_bit_of_every_channel_is_kept(tmp_path: Path, stored: NDArray[np.uint16]) -> None:
    found = wide_colors(tmp_path / "a.png")
    assert found.dtype == np.uint16
    assert (found == stored).all()


def test_a_file_that_ends_early_is_named(tmp_path: Path, stored: NDArray[np.uint16]) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(path.read_bytes()[: 2 * stored.size // 3])
    with pytest.raises(InputError, match=f"{path}: cannot be read as an image"):
        wide_colors(path)


@pytest.mark.parametrize(("name", "mode"), [("a.png", "RGB"), ("a.png", "I;16"), ("a.png", "L"), ("a.tif", "RGB")])
def test_other_bits_channels_and_formats_are_refused(tmp_path: Path, name: str, mode: str) -> None:
    Image.new(mode, (4, 4)).save(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name}: (PNG|TIFF) of mode {mode}, but .* 16 bits each"):
        wide_colors(tmp_path / name)
