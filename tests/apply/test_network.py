import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from refine.apply.codec import Picture
from refine.apply.network import Network, set_scale
from refine.data.images import ImageHeader
from refine.errors import InputError
from refine.methods.translator import Translator
from tests.apply.tiny import Tiny, tiny
from tests.apply.trees import noise

CPU = torch.device("cpu")


def picture(height: int, width: int, seed: int = 0, channels: int = 3) -> Picture:
    seen = ImageHeader("PNG", "RGB" if channels == 3 else "L", height, width, 8, 1, None)
    return Picture(seen, noise(height, width, channels, seed).reshape(height, width, channels), None, None, b"", "")


def deep(levels: NDArray[np.uint16]) -> Picture:
    seen = ImageHeader("PNG", "I;16", levels.shape[0], levels.shape[1], 16, 1, None)
    return Picture(seen, levels[:, :, None], None, None, b"", "")


def same(a: object, b: object) -> bool:
    return bool(np.array_equal(np.asarray(a), np.asarray(b)))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (9, 7), (16, 16), (2, 200)])
def test_the_result_does_not_depend_on_place_and_company_in_a_batch(height: int, width: int) -> None:
    network = Network(tiny(), CPU, "32")
    pictures = [picture(height, width, seed) for seed in range(5)]
    together = network(pictures, 5)
    assert together[0] is not None
    assert together[0].shape == (height, width, 3)
    assert not same(together[0], pictures[0].color)
    backwards = network(pictures[::-1], 5)[::-1]
    alone = [network([one], 5)[0] for one in pictures]
    assert all(same(a, b) and same(a, c) for a, b, c in zip(together, backwards, alone, strict=True))


def test_gray_pictures_pass_a_color_network() -> None:
    result = Network(tiny(), CPU, "32")([picture(8, 8, channels=1)], 1)[0]
    assert result is not None
    assert result.shape == (8, 8, 1)


def test_every_call_is_of_the_full_size(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []
    translator = tiny()
    refine = translator.refine

    def seen(images: Tensor) -> Tensor:
        shapes.append(tuple(images.shape))
        return refine(images)

    monkeypatch.setattr(translator, "refine", seen)
    assert len(Network(translator, CPU, "32")([picture(8, 9), picture(8, 9, 1)], 5)) == 2
    assert shapes == [(5, 3, 8, 9)]


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_16_bit_levels_keep_their_detail_in_either_precision(precision: str) -> None:
    levels = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)

    class Same(Tiny):
        def forward(self, images: Tensor) -> Tensor:
            kernel = torch.ones(1, 1, 1, 1)  # of a convolution, which autocast would do in 8 bits
            return torch.nn.functional.conv2d(images, kernel)

    result = Network(Same(channels=1).eval(), CPU, precision)([deep(levels)], 1)[0]
    assert result is not None
    assert result.dtype == np.uint16
    assert same(result[..., 0], levels)


def test_bf16_is_another_precision() -> None:
    pictures = [picture(64, 64)]
    assert not same(Network(tiny(), CPU, "32")(pictures, 1)[0], Network(tiny(), CPU, "bf16")(pictures, 1)[0])


def test_an_image_that_comes_out_as_nan_is_not_kept() -> None:
    class Broken(Tiny):
        def forward(self, images: Tensor) -> Tensor:
            return torch.where(images.mean(dim=(1, 2, 3), keepdim=True) > 0, torch.nan, images)

    bright, dark = picture(8, 8), picture(8, 8)
    bright = bright._replace(color=noise(8, 8) // 2 + 128)
    dark = dark._replace(color=noise(8, 8) // 2)
    results = Network(Broken().eval(), CPU, "32")([bright, dark], 2)
    assert results[0] is None
    assert same(results[1], dark.color)


def test_scale_overrides_the_working_size() -> None:
    translator: Translator = tiny()
    translator.working_size = (8, 8)
    set_scale(translator, "trained")
    assert translator.working_size == (8, 8)
    set_scale(translator, "64x32")
    assert translator.working_size == (64, 32)
    set_scale(translator, "native")
    assert translator.working_size is None


@pytest.mark.parametrize("scale", ["64", "0x3", "64x32x3", "big"])
def test_another_scale_is_refused(scale: str) -> None:
    with pytest.raises(InputError, match="--scale"):
        set_scale(tiny(), scale)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(InputError, match="--precision"):
        Network(tiny(), CPU, "16")


def test_too_little_memory_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    translator = tiny()

    def refine(images: Tensor) -> Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes")

    monkeypatch.setattr(translator, "refine", refine)
    network = Network(translator, CPU, "32")
    with pytest.raises(InputError, match="--batch-size"):
        network([picture(8, 8)], 2)
    with pytest.raises(MemoryError, match="too large"):
        network([picture(8, 8)], 1)
