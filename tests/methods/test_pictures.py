import numpy as np
import pytest
import torch
from PIL import Image

import refine
from refine.data.images import to_float, to_levels
from tests.methods.test_simgan import small

LEVELS = np.random.default_rng(0).integers(0, 256, (2, 16, 12, 3)).astype(np.uint8)


def refined(levels: np.ndarray) -> np.ndarray:
    """By way of a tensor."""
    batch = to_float(torch.from_numpy(levels).permute(0, 3, 1, 2))
    return np.asarray(to_levels(small(channels=3).eval().refine(batch)).permute(0, 2, 3, 1))


def test_arrays_and_pil_images_come_back_as_they_came() -> None:
    method, expected = small(channels=3).eval(), refined(LEVELS)
    assert np.array_equal(method.refine(LEVELS), expected)
    assert np.array_equal(method.refine(LEVELS[0]), expected[0])
    assert np.array_equal(np.asarray(method.refine(Image.fromarray(LEVELS[0]))), expected[0])
    gray = method.refine(LEVELS[0, :, :, 0])
    assert gray.shape == (16, 12)
    assert gray.dtype == np.uint8
    assert method.refine(Image.fromarray(LEVELS[0, :, :, 0])).mode == "L"


@pytest.mark.parametrize(
    ("images", "why"),
    [
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), "a tensor of torch.uint8; expected floats in"),
        (torch.arange(64).reshape(1, 1, 8, 8) / 255, r"values from 0 to 1, levels divided by 255; .* images \* 2 - 1"),
        (torch.full((1, 3, 8, 8), 255.0), "values from 255 to 255; expected floats in"),
        (torch.full((1, 3, 8, 8), torch.nan), "values from nan to nan"),
        (torch.zeros(3, 8, 8), r"a tensor of shape \(3, 8, 8\); expected \(B, C, H, W\)"),
        (torch.zeros(1, 8, 8, 3), "a tensor of shape"),
        (torch.zeros(0, 3, 8, 8), "a tensor of shape"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.float64), r"torch.float64; expected float32: images.float\(\)"),
        ([Image.new("RGB", (8, 8))], "a list; expected a tensor, a PIL image or a uint8 array, one at a time"),
        (np.zeros((0, 8, 3), np.uint8), "an array of shape"),
        (np.zeros((8, 8, 3)), "an array of float64; expected uint8"),
        (np.zeros((8, 8, 4), np.uint8), r"an array of shape \(8, 8, 4\)"),
        (Image.new("RGBA", (8, 8)), r"an image of mode RGBA; expected L or RGB: image.convert\('RGB'\)"),
    ],
)
def test_other_shapes_ranges_and_types_are_refused_in_one_sentence(images: torch.Tensor, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        small(channels=3).eval().refine(images)


def test_bright_images_are_no_others() -> None:
    bright = to_float(torch.arange(128, 192, dtype=torch.uint8).reshape(1, 1, 8, 8))
    assert small(channels=1).eval().refine(bright).shape == bright.shape


def test_the_package_shows_its_public_names_alone() -> None:
    assert set(dir(refine)) == {*refine.__all__, "__version__"}
