import numpy as np
import pytest
import torch
from torch import Tensor

from refine.errors import InputError
from refine.inspect.appearance import distances, lab_statistics, log_power


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


class Means:
    """A network that counts the images it saw."""

    name, sha256, resize, input_range = "means", None, "none", "-1 to 1"

    def __init__(self, fill: float = 0.0) -> None:
        self.seen, self.channels, self.fill = 0, 0, fill

    def __call__(self, images: Tensor) -> Tensor:
        self.seen, self.channels = self.seen + len(images), images.shape[1]
        return images.mean(dim=(2, 3)) + self.fill


def noise(count: int, seed: int, size: int = 16, most: int = 256) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, most, (count, 3, size, size), dtype=torch.uint8, generator=generator)


def test_both_distances_stand_beside_their_floor_at_one_number_of_images() -> None:
    network = Means()
    swd, kid = distances(noise(50, 0, most=60), noise(12, 1), True, [network])
    assert (swd["name"], kid["name"]) == ("swd", "kid[means]")
    assert swd["images"] == kid["images"] == 6
    assert network.seen == 6 + 12
    assert network.channels == 3
    assert swd["floor"] is not None
    assert kid["floor"] is not None
    assert swd["value"] > 3 * swd["floor"]
    assert kid["value"] > 3 * abs(kid["floor"])


def test_gray_images_are_compared_in_one_channel() -> None:
    network = Means()
    distances(noise(4, 0), noise(4, 1), False, [network])
    assert network.channels == 1


def test_too_few_real_images_have_no_floor() -> None:
    swd, kid = distances(noise(5, 0), noise(3, 1), True, [Means()])
    assert (swd["images"], kid["images"]) == (1, 3)
    assert swd["floor"] is not None
    assert kid["floor"] is None
    assert [each["name"] for each in distances(noise(1, 0), noise(1, 1), True, [Means()])] == ["swd"]


def test_images_smaller_than_a_patch_have_no_sliced_distance() -> None:
    assert distances(noise(4, 0, size=6), noise(4, 1, size=6), True, []) == []


def test_a_network_that_gives_nan_is_refused() -> None:
    with pytest.raises(InputError, match="'means' are NaN or infinite"):
        distances(noise(4, 0), noise(4, 1), True, [Means(float("nan"))])
