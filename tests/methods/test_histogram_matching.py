import pytest
import torch
from torch import Tensor

from refine.errors import InputError
from refine.methods.histogram_matching import HistogramMatching, matching_map
from refine.methods.training_free import fit_statistics
from tests.methods.test_color_transfer import BRIGHT, DARK, images


def counts(of: dict[int, int]) -> Tensor:
    levels = torch.zeros(256, dtype=torch.int64)
    for level, pixels in of.items():
        levels[level] = pixels
    return levels


def fitted(synthetic: Tensor, real: Tensor) -> HistogramMatching:
    return fit_statistics(HistogramMatching(channels=synthetic.shape[1]), [synthetic], [real])


def pixels(*levels: float) -> Tensor:
    """One gray row, from levels 0 to 255."""
    return torch.tensor(levels).reshape(1, 1, 1, -1) / 255 * 2 - 1


def test_the_map_is_the_one_worked_out_by_hand() -> None:
    # Middles of the shares: synthetic 1/8, 1/2, 7/8 at 10, 20, 30; real 1/4 and 3/4 at 100 and 200.
    found = matching_map(counts({10: 1, 20: 2, 30: 1}), counts({100: 5, 200: 5}))
    assert found[[10, 20, 30]].tolist() == [100.0, 150.0, 200.0]
    assert found[15].item() == 125.0  # no synthetic image shows it: between its neighbors
    assert found[[0, 9, 31, 255]].tolist() == [90.0, 99.0, 201.0, 425.0]  # beyond the ends: at the same distance


def test_the_map_never_falls_and_keeps_every_level_where_both_sides_are_equal() -> None:
    generator = torch.Generator().manual_seed(0)
    synthetic, real = torch.randint(0, 4, (2, 256), generator=generator)
    assert bool((matching_map(synthetic, real).diff() >= 0).all())
    assert torch.allclose(matching_map(synthetic, 3 * synthetic), torch.arange(256.0).double(), atol=1e-9)


def test_a_side_of_one_level_goes_to_the_median_of_the_other_and_gets_it() -> None:
    spread = counts({0: 1, 90: 1, 255: 1})
    assert matching_map(counts({7: 5}), spread)[7].item() == 90.0
    assert matching_map(spread, counts({7: 5}))[[0, 90, 255]].tolist() == [7.0, 7.0, 7.0]


def test_the_map_of_negatives_is_the_negative_of_the_map() -> None:
    synthetic, real = counts({0: 50, 10: 1, 60: 9}), counts({3: 7, 200: 30, 220: 4})
    assert torch.allclose(matching_map(synthetic.flip(0), real.flip(0)), 255 - matching_map(synthetic, real).flip(0))


@pytest.mark.parametrize("channels", [1, 3])
def test_refined_images_have_the_real_cumulative_histogram_in_each_channel(channels: int) -> None:
    synthetic = images(*DARK, seed=0, channels=channels, count=30)
    real = images(*BRIGHT, seed=1, channels=channels, count=30) ** 2  # another shape, that no stretch gives
    refined = fitted(synthetic, real).refine(synthetic)
    # three sides of one shape, so that strict= says nothing
    for found, wanted, before in zip(*(side.transpose(0, 1).flatten(1) for side in (refined, real, synthetic))):  # noqa: B905
        for share in (0.05, 0.25, 0.5, 0.75, 0.95):
            assert float(found.quantile(share)) == pytest.approx(float(wanted.quantile(share)), abs=0.02)
        assert abs(float(before.median() - wanted.median())) > 0.3


def test_values_between_two_levels_stay_apart_and_in_order() -> None:
    matching = fitted(pixels(10, 20), pixels(100, 200))
    refined = (matching.refine(pixels(10, 10.25, 15, 19.99)) + 1) / 2 * 255
    # Levels 10 and 20 go to 100 and 200, so each step of one level goes to a step of ten.
    assert refined.flatten().tolist() == pytest.approx([100.0, 102.5, 150.0, 199.9], abs=1e-2)


def test_each_channel_has_its_own_map() -> None:
    synthetic = torch.cat([pixels(10, 20), pixels(10, 20), pixels(10, 20)], 1)
    real = torch.cat([pixels(50, 60), pixels(10, 20), pixels(200, 240)], 1)
    refined = (fitted(synthetic, real).refine(synthetic) + 1) / 2 * 255
    assert torch.allclose(refined.flatten(2)[0], torch.tensor([[50.0, 60], [10, 20], [200, 240]]), atol=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (2, 40)])
def test_gray_and_rgb_images_of_any_size_go_through_and_stay_in_range(size: tuple[int, int]) -> None:
    matching = fitted(images(*DARK, seed=0), images(0.9, 0.3, seed=1))
    for channels in (1, 3):
        refined = matching.refine(torch.rand(2, channels, *size) * 2 - 1)
        assert refined.shape == (2, channels, *size)
        assert float(refined.abs().max()) <= 1.0


def test_the_split_into_batches_changes_nothing() -> None:
    synthetic, real = images(*DARK, seed=0), images(*BRIGHT, seed=1)
    parts = fit_statistics(HistogramMatching(channels=3), [synthetic[:1], synthetic[1:]], [real[:4], real[4:]])
    assert torch.equal(fitted(synthetic, real).lookup(), parts.lookup())


def test_refuses_without_statistics_of_both_sides() -> None:
    with pytest.raises(InputError, match="no statistics of synthetic"):
        HistogramMatching().refine(images(*DARK, seed=0))
    with pytest.raises(InputError, match="no statistics of real"):
        fit_statistics(HistogramMatching(), [images(*DARK, seed=0)], [])
