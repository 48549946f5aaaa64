import pytest
import torch
from torch import Tensor

from refine.audit.benign import BENIGN, Benign, blur, brightness, jpeg, noise
from tests.audit.scenes import draws, scenes

EACH = pytest.mark.parametrize("benign", BENIGN, ids=lambda benign: benign.name)


@EACH
@pytest.mark.parametrize("channels", [1, 3])
def test_a_change_keeps_shape_and_range_and_changes_every_image(benign: Benign, channels: int) -> None:
    images = scenes(4, 24, 40)[:, :channels]
    changed = benign.change(images, draws())
    assert changed.shape == images.shape
    assert changed.dtype == torch.float32
    assert float(changed.abs().max()) <= 1.0
    assert bool(((changed - images).abs().mean((1, 2, 3)) > 0.002).all())


@EACH
def test_the_generator_says_what_is_drawn(benign: Benign) -> None:
    images = scenes(3, 32, 32)
    assert torch.equal(benign.change(images, draws(1)), benign.change(images, draws(1)))
    assert not torch.equal(benign.change(images, draws(1)), benign.change(images, draws(2)))


def spread(images: Tensor) -> float:
    return float(images.std())


def test_amounts_are_as_large_as_asked_for() -> None:
    gray = torch.zeros(64, 1, 32, 32)
    assert 0.05 < spread(noise(gray, draws(), most=0.1)) < 0.1
    added = brightness(gray, draws(), most=0.4)[:, 0, 0, 0]
    assert 0.2 <= float(added.abs().min()) < float(added.abs().max()) <= 0.4
    assert bool((added > 0).any()) and bool((added < 0).any())  # noqa: PT018  # one claim: both signs occur


def test_blur_flattens_more_the_more_is_asked_for() -> None:
    images = torch.rand(4, 3, 64, 64, generator=draws()) * 2 - 1
    assert spread(images) > spread(blur(images, draws(), most=0.01)) > spread(blur(images, draws(), most=0.05))


def test_a_worse_quality_is_further_away() -> None:
    images = scenes(4, 32, 32)

    def change(quality: int) -> float:
        return float((jpeg(images, draws(), quality, quality) - images).abs().mean())

    assert change(95) < change(60) < change(20)
