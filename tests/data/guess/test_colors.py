from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.data.guess.colors import FEW, TIMES_MORE, looks_painted


def painted(path: Path, colors: int) -> str:
    """A lossless image of exactly so many colors; its name."""
    pixels = np.zeros((24, 24, 3), np.uint8)
    numbers = np.arange(24 * 24).reshape(24, 24) % colors
    pixels[..., 0], pixels[..., 1] = numbers % 256, numbers // 256
    Image.fromarray(pixels).save(path, quality=100)
    return path.name


@pytest.mark.parametrize(
    ("label", "image", "expected"),
    [
        (5, 500, True),
        (FEW, TIMES_MORE * FEW + 1, True),
        (FEW + 1, 576, False),
        (30, TIMES_MORE * 30, False),  # not enough more than its label map
        (30, TIMES_MORE * 30 + 1, True),
        (2, FEW, False),  # itself of few colors: a drawing beside another one
        (2, FEW + 1, True),
    ],
)
def test_a_label_map_has_few_colors_and_its_picture_many_more(
    tmp_path: Path, label: int, image: int, expected: bool
) -> None:
    pair = painted(tmp_path / "label.png", label), painted(tmp_path / "image.png", image)
    assert looks_painted(tmp_path, [pair]) == expected


@pytest.mark.parametrize("name", ["label.jpg", "label.JPEG"])
def test_an_image_with_loss_is_no_label_map(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (24, 24), "red").save(tmp_path / name)
    assert not looks_painted(tmp_path, [(name, painted(tmp_path / "image.png", 500))])


def test_a_damaged_label_map_is_none_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "label.png").write_bytes(b"broken")
    image = painted(tmp_path / "image.png", 500)
    assert not looks_painted(tmp_path, [("label.png", image)])
    assert not looks_painted(tmp_path, [("missing.png", image)])


@pytest.mark.parametrize(("painted_ones", "expected"), [(1, False), (2, False), (3, True), (4, True)])
def test_more_than_half_of_the_pairs_decide(tmp_path: Path, painted_ones: int, expected: bool) -> None:
    few, many = painted(tmp_path / "few.png", 5), painted(tmp_path / "many.png", 500)
    pairs = [(few, many)] * painted_ones + [(many, many)] * (4 - painted_ones)
    assert looks_painted(tmp_path, pairs) == expected
    assert looks_painted(tmp_path, pairs[::-1]) == expected


def test_the_pairs_that_are_opened_are_spread_over_all(tmp_path: Path) -> None:
    few, many = painted(tmp_path / "few.png", 5), painted(tmp_path / "many.png", 500)
    assert not looks_painted(tmp_path, [(few, many)] * 7 + [(many, many)] * 8)
    assert looks_painted(tmp_path, [(many, many)] * 5 + [(few, many)] * 10)
