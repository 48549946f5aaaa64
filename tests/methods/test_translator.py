import pytest
import torch
from torch import Tensor

from refine.methods.cut import CUT
from refine.methods.cycada import CyCADA
from refine.methods.cyclegan import CycleGAN
from refine.methods.simgan import SimGAN
from refine.methods.translator import Translator


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
