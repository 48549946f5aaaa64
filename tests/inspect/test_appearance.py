import numpy as np
import pytest
import torch

from refine.inspect.appearance import lab_statistics, log_power
from refine.inspect.areas import area_shares


def test_lab_of_known_colors() -> None:
    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    images[1] = 255
    statistics, lightness = lab_statistics(images)
    assert statistics["mean"] == pytest.approx([50, 0, 0], abs=0.05)
    assert statistics["deviation"] == pytest.approx([50, 0, 0], abs=0.05)
    assert lightness.tolist() == [[[0] * 4] * 4, [[255] * 4] * 4]


def test_a_red_image_is_on_the_red_side() -> None:
    images = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    images[:, 0] = 255
    statistics, _ = lab_statistics(images)
    assert statistics["mean"] == pytest.approx([53.24, 80.09, 67.20], abs=0.1)  # sRGB red in CIE Lab, D65


def test_a_wave_has_its_power_at_its_frequency() -> None:
    wave = 127 + 100 * np.cos(2 * np.pi * 0.25 * np.arange(64))
    frequencies, power = log_power(torch.from_numpy(np.tile(wave, (64, 1)).round().astype(np.uint8))[None])
    assert frequencies[int(power.argmax())] == pytest.approx(0.25, abs=0.01)


def test_the_same_wave_upright_has_the_same_spectrum() -> None:
    image = torch.randint(0, 256, (1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(log_power(image)[1], log_power(image.mT.contiguous())[1], atol=0.01)


def test_twice_the_contrast_is_six_decibels() -> None:
    image = torch.randint(0, 100, (3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    gained = log_power(image * 2)[1] - log_power(image)[1]
    assert gained.mean().item() == pytest.approx(6.02, abs=0.05)


def test_a_flat_image_has_the_power_of_rounding() -> None:
    _, power = log_power(torch.full((1, 16, 16), 90, dtype=torch.uint8))
    assert power.tolist() == pytest.approx([10 * np.log10(1 / 12)] * len(power), abs=0.01)


def test_bright_dark_and_edges_lie_where_they_are() -> None:
    image = torch.full((2, 60, 60), 100, dtype=torch.uint8)
    image[:, :10] = 220
    image[:, 50:] = 5
    shares = area_shares(image)
    dark, bright, edges = shares.cells()
    assert bright[0].tolist() == [1] * 6
    assert bright[1:].max() == 0
    assert dark[5].tolist() == [1] * 6
    assert dark[:5].max() == 0
    assert edges[2:4].max() == 0
    assert edges[0].min() > 0


def test_areas_of_a_flat_set_are_empty() -> None:
    assert area_shares(torch.full((2, 12, 12), 7, dtype=torch.uint8)).cells().max() == 0
