import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import refine
from refine.data.images import to_float, to_levels
from refine.methods.cut import CUT
from refine.methods.cycada import CyCADA
from refine.methods.cyclegan import CycleGAN
from refine.methods.simgan import SimGAN
from refine.methods.translator import Translator
from tests.methods.test_simgan import small


class Brighter(Translator):
    """Adds a constant, and remembers the sizes that its network saw."""

    multiple = 4

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.channels = channels
        self.seen: list[tuple[int, ...]] = []

    def training_step(self, batch: object, batch_idx: int) -> None:
        raise AssertionError("never trained")

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(tuple(images.shape))
        return images + 0.1


def translators() -> dict[str, Translator]:
    """One of each kind that learns, of random weights."""
    torch.manual_seed(0)
    return {
        "SimGAN": SimGAN(channels=3, features=4, blocks=1),
        "CycleGAN": CycleGAN(features=4, blocks=1, discriminator_features=4),
        "U-Net": CycleGAN(architecture="unet", features=2, blocks=5, norm="batch", discriminator_features=4),
        "zero padding": CycleGAN(features=4, blocks=1, padding="zero", norm="none", discriminator_features=4),
        "CyCADA with an average": CyCADA(features=4, blocks=1, discriminator_features=4, ema=0.9),
        "CUT": CUT(features=4, blocks=1, nce_layers=[0, 4], discriminator_features=4),
    }


@pytest.mark.parametrize("size", [(1, 1), (2, 200), (31, 37), (17, 64)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_comes_back_as_it_came_and_the_same_each_time(size: tuple[int, int], channels: int) -> None:
    images = torch.rand(2, channels, *size) * 2 - 1
    for name, method in translators().items():
        refined = method.eval().refine(images)
        assert refined.shape == images.shape, name
        assert refined.abs().max() <= 1, name
        assert not refined.requires_grad, name
        assert torch.equal(refined, method.refine(images)), name


def test_the_network_sees_multiples_only_and_the_padding_leaves_no_trace() -> None:
    method = Brighter()
    images = torch.rand(1, 3, 5, 9) - 0.5
    assert torch.allclose(method.refine(images), images + 0.1)
    assert method.seen == [(1, 3, 8, 12)]


def test_gray_images_pass_an_rgb_network_as_equal_channels_and_come_back_as_the_mean() -> None:
    method = Brighter()
    images = torch.rand(2, 1, 8, 8) - 0.5
    refined = method.refine(images)
    assert method.seen == [(2, 3, 8, 8)]
    assert torch.allclose(refined, images + 0.1)


def test_rgb_images_are_refused_by_a_gray_network() -> None:
    with pytest.raises(ValueError, match="gray"):
        Brighter(channels=1).refine(torch.zeros(1, 3, 8, 8))


def test_a_network_of_a_working_size_changes_large_images_without_losing_detail() -> None:
    method = Brighter()
    method.working_size = (8, 8)
    noise = torch.rand(1, 3, 64, 48) - 0.5
    refined = method.refine(noise)
    assert method.seen == [(1, 3, 8, 8)]
    assert torch.allclose(refined, noise + 0.1, atol=1e-5)  # the detail is all there: resizing lost none of it
    method.working_size = None
    method.refine(noise)
    assert method.seen[-1] == (1, 3, 64, 48)


def test_refining_twice_gives_the_same() -> None:
    method = CycleGAN(features=4, blocks=1, discriminator_features=4).eval()
    images = torch.rand(2, 3, 20, 20)
    assert torch.equal(method.refine(images), method.refine(images))


@pytest.mark.parametrize("channels", [1, 3])
def test_less_strength_makes_that_part_of_the_change_and_full_strength_leaves_no_bit_different(channels: int) -> None:
    torch.manual_seed(0)
    method = CycleGAN(features=4, blocks=1, discriminator_features=4).eval()
    images = torch.rand(2, channels, 20, 20) * 2 - 1
    whole = method.refine(images)
    assert method.strength == 1.0
    method.strength = 0.25
    assert torch.allclose(method.refine(images), images + 0.25 * (whole - images))
    method.strength = 0.0
    assert torch.equal(method.refine(images), images)
    assert "strength" not in method.inference_state()  # of a call, not of the model


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
        (torch.zeros(1, 3, 8, 8, dtype=torch.float16), r"torch.float16; expected float32: images.float\(\)"),
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
