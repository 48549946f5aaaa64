from pathlib import Path

import pytest
from PIL import Image

from refine.benchmark.datasets import Datasets
from refine.errors import InputError


def folders(root: Path) -> Path:
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        Image.frombytes("I;16B", (4, 4), bytes(32)).save(root / name / "0.tif")
    return root


def test_sixteen_bits_of_either_byte_order_are_gray(tmp_path: Path) -> None:
    root, real = folders(tmp_path / "s"), folders(tmp_path / "r")
    assert Datasets(root, {}, real, None, None, None).channels == 1


def test_a_format_whose_decoder_starts_another_program_is_not_opened(tmp_path: Path) -> None:
    root, real = folders(tmp_path / "s"), folders(tmp_path / "r")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(root / "a" / "1.png")
    with pytest.raises(InputError, match=r"1\.png: cannot be read as an image"):
        Datasets(root, {}, real, None, None, (4, 4))
