import pytest
import torch
from torch import Tensor

from refine.errors import InputError
from refine.methods.fourier import FDA, window_reach
from refine.methods.training_free import fit_statistics
from tests.methods.steps import data_of

SIZES = [(16, 16), (15, 21), (13, 11), (12, 31)]
"""Even, odd and prime sides."""


def noise(seed: int, size: tuple[int, int], channels: int = 3, count: int = 2) -> Tensor:
    """Around the middle, so that nothing is clipped, and with power at every frequency."""
    generator = torch.Generator().manual_seed(seed)
    level = 0.2 * (seed % 2)
    return 0.5 * (torch.rand(count, channels, *size, generator=generator) - 0.5) - level


def fitted(real: Tensor, beta: float) -> FDA:
    size = (real.shape[-2], real.shape[-1])
    return fit_statistics(FDA(channels=real.shape[1], beta=beta, size=size), [], [real])


def spectrum(images: Tensor) -> Tensor:
    """The full one in float64, frequency zero in the middle: by another route than the method's half spectrum."""
    shifted: Tensor = torch.fft.fftshift(torch.fft.fft2((images.double() + 1) / 2), dim=(-2, -1))
    return shifted


def inside(size: tuple[int, int], reach: int) -> Tensor:
    """The window as in the paper: a square around the middle of the shifted spectrum."""
    window = torch.zeros(size, dtype=torch.bool)
    row, column = size[0] // 2, size[1] // 2
    window[row - reach : row + reach + 1, column - reach : column + reach + 1] = True
    return window


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("beta", "channels"), [(0.0, 1), (0.1, 3), (0.49, 3)])
def test_the_window_has_the_mean_real_amplitude_and_all_else_stays(
    size: tuple[int, int], beta: float, channels: int
) -> None:
    synthetic, real = noise(0, size, channels), noise(1, size, channels, count=3)
    reach = min(int(beta * min(size)), (min(size) - 1) // 2)
    before, after = spectrum(synthetic), spectrum(fitted(real, beta).refine(synthetic))
    window, pixels = inside(size, reach), size[0] * size[1]
    assert int(window.sum()) == (2 * reach + 1) ** 2
    wanted = spectrum(real).abs().mean(0).expand_as(before.abs())
    assert torch.allclose(after.abs()[..., window] / pixels, wanted[..., window] / pixels, atol=1e-6)
    assert torch.allclose(after[..., ~window] / pixels, before[..., ~window] / pixels, atol=1e-6)
    turned = (after * before.conj())[..., window]  # no angle between them: real and positive
    assert torch.allclose(turned.imag / turned.abs(), torch.zeros(1, dtype=torch.float64), atol=1e-3)
    assert bool((turned.real > 0).all())


def test_beta_zero_gives_each_image_the_mean_level_of_the_real_ones_and_changes_nothing_else() -> None:
    synthetic, real = noise(0, (9, 8)), noise(1, (9, 8))
    refined = fitted(real, 0.0).refine(synthetic)
    shift = real.mean(dim=(0, 2, 3)) - synthetic.mean(dim=(2, 3))
    assert torch.allclose(refined, synthetic + shift[:, :, None, None], atol=1e-6)


@pytest.mark.parametrize("size", [*SIZES, (1, 1), (1, 9), (2, 2)])
def test_an_image_with_the_reference_amplitudes_stays_as_it_is(size: tuple[int, int]) -> None:
    image = noise(0, size, count=1)
    assert torch.allclose(fitted(image, 0.3).refine(image), image, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (3, 2), (4, 40), (97, 5)])
def test_images_of_any_size_get_the_real_mean_level(size: tuple[int, int]) -> None:
    real = noise(1, (20, 20))
    refined = fitted(real, 0.2).refine(noise(0, size))
    assert refined.shape[-2:] == size
    wanted = real.mean(dim=(0, 2, 3)).expand(2, 3)
    assert torch.allclose(refined.mean(dim=(2, 3)), wanted, atol=1e-5)


def test_cycles_are_counted_per_image_so_that_refining_and_enlarging_may_change_places() -> None:
    transfer = fitted(noise(1, (20, 20), 1), 0.2)
    rows, columns = torch.meshgrid(torch.arange(60) / 60, torch.arange(60) / 60, indexing="ij")
    large = sum(
        0.05 * torch.cos(2 * torch.pi * (up * rows + across * columns) + up)
        for up in range(-4, 5)
        for across in range(5)
    )
    assert isinstance(large, Tensor)
    large = large[None, None] / 2
    small = large[..., ::3, ::3]  # its frequencies are below those that sampling would fold
    assert torch.allclose(transfer.refine(large)[..., ::3, ::3], transfer.refine(small), atol=1e-5)


def test_flat_and_black_images_get_the_mean_level_and_no_pattern() -> None:
    real = noise(1, (16, 16), 1)
    for level in (-1.0, 0.3):
        refined = fitted(real, 0.3).refine(torch.full((1, 1, 16, 16), level))
        assert torch.allclose(refined, real.mean().expand_as(refined), atol=1e-5)


def test_a_result_depends_on_its_image_alone_and_is_the_same_each_time() -> None:
    transfer, images = fitted(noise(1, (15, 16)), 0.2), noise(0, (15, 16), count=4)
    assert torch.equal(transfer.refine(images), transfer.refine(images))
    assert torch.allclose(transfer.refine(images)[2:3], transfer.refine(images[2:3]), atol=1e-6)


def test_gray_images_go_through_an_rgb_model_and_bright_results_are_clipped() -> None:
    transfer = fitted(torch.full((1, 3, 8, 8), 1.0), 0.0)
    refined = transfer.refine(noise(0, (8, 8), 1))
    assert refined.shape == (2, 1, 8, 8)
    assert float(refined.max()) <= 1.0


def test_the_window_of_small_images_is_the_mean_level_alone() -> None:
    assert [window_reach((side, side), 0.01) for side in (1, 28, 99, 100, 256)] == [0, 0, 0, 1, 2]
    assert window_reach((512, 100), 0.09) == 9  # of the shorter side
    assert window_reach((8, 8), 0.49) == 3
    assert window_reach((2, 2), 0.49) == 0


def test_takes_the_size_of_the_data_over_and_holds_a_given_one_against_it() -> None:
    data = data_of("none", training_size=(30, 20), working_size=(30, 20))
    transfer = FDA(beta=0.1)
    transfer.prepare("fit", data)
    assert (transfer.size, transfer.real.reach, transfer.working_size) == ((30, 20), 2, None)
    with pytest.raises(InputError, match="8x8, and the data gives 30x20"):
        FDA(size=(8, 8)).prepare("fit", data)


def test_refuses_what_it_cannot_do() -> None:
    with pytest.raises(InputError, match="does not know the size"):
        FDA().refine(noise(0, (8, 8)))
    with pytest.raises(InputError, match="no statistics of real"):
        FDA(size=(8, 8)).refine(noise(0, (8, 8)))
    with pytest.raises(InputError, match="8x8, found 8x9"):
        fit_statistics(FDA(size=(8, 8)), [], [noise(0, (8, 9))])
    with pytest.raises(ValueError, match="1 channels"):
        fit_statistics(FDA(size=(8, 8)), [], [noise(0, (8, 8), channels=1)])
