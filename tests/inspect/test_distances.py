import pytest
import torch
from torch import Tensor

from refine.errors import InputError
from refine.inspect.distances import distances


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
