import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from refine.data.images import to_float
from refine.metrics.features.resizing import described, resized, standardized


def levels(height: int, width: int, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(height)
    return torch.randint(0, 256, (2, channels, height, width), generator=generator, dtype=torch.uint8)


def by_pillow(images: Tensor, side: int) -> Tensor:
    """clean-fid's own way: each channel as a float image."""
    channels = [
        np.asarray(Image.fromarray(channel.numpy().astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC))
        for channel in images.flatten(0, 1)
    ]
    return torch.from_numpy(np.stack(channels).clip(0, 255)).reshape(*images.shape[:2], side, side)


@pytest.mark.parametrize("size", [(35, 55), (120, 80), (299, 40), (480, 360)])
def test_clean_is_the_antialiased_bicubic_of_pillow_on_floats(size: tuple[int, int]) -> None:
    images = levels(*size)
    found = resized(to_float(images), 96, "clean")
    assert (found - by_pillow(images, 96)).abs().max() < 0.01  # of 255 levels


def test_clean_stays_among_the_levels_where_a_cubic_overshoots() -> None:
    edge = torch.cat([torch.zeros(1, 3, 8, 4), torch.full((1, 3, 8, 4), 255.0)], dim=3)
    found = resized(to_float(edge), 64, "clean")
    assert found.min() == 0
    assert found.max() == 255


def test_tf1_takes_pixels_at_the_upper_left_without_antialiasing() -> None:
    images = levels(12, 12)
    found = resized(to_float(images), 6, "tf1")
    assert torch.equal(found, images[:, :, ::2, ::2].float())
    assert not torch.equal(found, resized(to_float(images), 6, "clean"))


@pytest.mark.parametrize("resize", ["tf1", "clean"])
def test_an_image_of_the_wanted_size_is_left_as_it_is_and_gray_becomes_three_channels(resize: str) -> None:
    images = levels(16, 16, 1)
    found = resized(to_float(images), 16, resize)  # type: ignore[arg-type]  # both literals
    assert torch.equal(found, images.float().expand(-1, 3, -1, -1))


def test_levels_are_rounded_and_not_cut_off() -> None:
    found = resized(torch.full((1, 3, 4, 4), 99.6 / 127.5 - 1), 4, "tf1")
    assert torch.equal(found, torch.full((1, 3, 4, 4), 100.0))


def test_each_way_is_told_in_words() -> None:
    assert "299x299 as TensorFlow 1" in described("tf1", 299)
    assert "bicubic to 224x224, antialiased" in described("clean", 224)


def test_standardizing_takes_out_each_channels_own_mean_and_deviation() -> None:
    found = standardized(torch.full((1, 3, 2, 2), 127.5), (0.5, 0.25, 0.0), (1.0, 0.5, 2.0))
    assert found[0, :, 0, 0].tolist() == [0.0, 0.5, 0.25]
