import pytest
import torch
from kornia.color import rgb_to_lab
from torch import Tensor

from refine.data.samples import Labeled, UnpairedBatch
from refine.errors import InputError
from refine.methods.color_transfer import ColorTransfer, fit_color_transfer, to_color_space
from tests.methods.steps import data_of, run_steps

DARK, BRIGHT = (-0.6, 0.2), (0.1, 0.15)
"""Mean and spread of the generated images: narrow, so that next to nothing is clipped."""


def images(mean: float, std: float, seed: int, channels: int = 3, count: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    tint = torch.tensor([0.1, 0.0, -0.1])[:channels, None, None]
    return (mean + std * torch.randn(count, channels, 12, 12, generator=generator) + tint).clamp(-1, 1)


def statistics(batch: Tensor) -> tuple[Tensor, Tensor]:
    values = rgb_to_lab((batch + 1) / 2) if batch.shape[1] == 3 else batch
    return values.mean(dim=(0, 2, 3)), values.std(dim=(0, 2, 3), correction=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_refined_images_have_the_real_ones_statistics(channels: int) -> None:
    synthetic, real = images(*DARK, seed=0, channels=channels), images(*BRIGHT, seed=1, channels=channels)
    refined = fit_color_transfer([synthetic], [real], channels).refine(synthetic)
    unit = 1.0 if channels == 3 else 0.02
    for found, wanted, before in zip(statistics(refined), statistics(real), statistics(synthetic), strict=True):
        assert torch.allclose(found, wanted, atol=unit)
        assert not torch.allclose(before, wanted, atol=2 * unit)


@pytest.mark.parametrize("channels", [1, 3])
def test_changes_nothing_where_both_sides_are_equal(channels: int) -> None:
    same = images(*DARK, seed=0, channels=channels)
    assert torch.allclose(fit_color_transfer([same], [same], channels).refine(same), same, atol=1e-4)


def test_the_split_into_batches_changes_nothing() -> None:
    synthetic, real = images(*DARK, seed=0), images(*BRIGHT, seed=1)
    whole = fit_color_transfer([synthetic], [real], 3)
    # torch gives split no types
    parts = fit_color_transfer(synthetic.split([1, 5]), real.split([4, 2]), 3)  # type: ignore[no-untyped-call]  # torch's
    assert torch.allclose(whole.refine(synthetic), parts.refine(synthetic), atol=1e-6)


def test_every_image_is_changed_by_the_same_map() -> None:
    synthetic, real = images(*DARK, seed=0), images(*BRIGHT, seed=1)
    transfer = fit_color_transfer([synthetic], [real], 3)
    assert torch.allclose(transfer.refine(synthetic)[2:3], transfer.refine(synthetic[2:3]), atol=1e-6)


def test_a_flat_channel_is_moved_and_not_stretched() -> None:
    flat = torch.full((2, 1, 8, 8), -0.5)
    flat[0, 0, 0, 0] += 1e-6  # rounding, that stretching would turn into noise
    real = images(*BRIGHT, seed=1, channels=1)
    refined = fit_color_transfer([flat], [real], 1).refine(flat)
    assert float(refined.std()) < 1e-3
    assert float(refined.mean()) == pytest.approx(float(real.mean()), abs=1e-3)


def test_works_at_full_size_whatever_the_working_size_of_the_data() -> None:
    transfer = ColorTransfer()
    transfer.prepare("fit", data_of("none", working_size=(4, 4)))
    assert transfer.working_size is None


def batch(seed: int) -> UnpairedBatch:
    synthetic = images(*DARK, seed=2 * seed)
    return {"synthetic": Labeled(synthetic, torch.zeros(6), [""] * 6), "real": images(*BRIGHT, seed=2 * seed + 1)}


def test_training_steps_gather_the_same_statistics_and_move_the_counter() -> None:
    given = [batch(0), batch(1)]
    transfer = ColorTransfer(steps=2)
    run_steps(transfer, given)
    direct = fit_color_transfer([b["synthetic"].image for b in given], [b["real"] for b in given], 3)
    assert transfer.steps_done == 2
    assert torch.equal(transfer.refine(given[0]["synthetic"].image), direct.refine(given[0]["synthetic"].image))


def test_refuses_without_statistics() -> None:
    with pytest.raises(InputError, match="no statistics"):
        ColorTransfer().refine(images(*DARK, seed=0))
    with pytest.raises(InputError, match="no statistics"):
        fit_color_transfer([images(*DARK, seed=0)], [], 3)


def test_gray_levels_span_as_many_units_as_lightness() -> None:
    assert to_color_space(torch.tensor([-1.0, 1.0]).reshape(1, 1, 1, 2)).flatten().tolist() == [0.0, 100.0]
