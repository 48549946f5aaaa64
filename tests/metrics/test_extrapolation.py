import pytest
import torch

from refine.metrics import frechet
from refine.metrics.extrapolation import frechet_at_infinity
from tests.metrics.samples import sample


@pytest.mark.parametrize(("deviation", "shift"), [(1.0, 0.0), (1.3, 0.2)])
def test_is_near_the_true_distance_where_the_measured_one_is_far(deviation: float, shift: float) -> None:
    generator = torch.Generator().manual_seed(0)
    truth = 16 * ((deviation - 1) ** 2 + shift**2)
    found, measured = [], []
    for seed in range(12):
        a = torch.randn(400, 16, generator=generator) * deviation + shift
        b = torch.randn(300, 16, generator=generator)
        found.append(frechet_at_infinity(a, b, seed).value)
        measured.append(frechet(a, b))
    error, bias = torch.tensor(found) - truth, torch.tensor(measured) - truth
    assert float(bias.mean()) > 0.4
    assert abs(float(error.mean())) < 3 * float(error.std()) / 12**0.5 + 0.05


def test_says_what_the_line_goes_through() -> None:
    a, b = sample(40, 4, 0, 0.2), sample(20, 4, 1)
    found = frechet_at_infinity(a, b, points=4)
    assert found.sizes == [(10, 5), (20, 10), (30, 15), (40, 20)]
    assert found.values[-1] == pytest.approx(frechet(a, b))
    assert found == frechet_at_infinity(a, b, points=4)
    assert found.values[:3] != frechet_at_infinity(a, b, seed=1, points=4).values[:3]
    x = torch.tensor([4.0, 2.0, 4 / 3, 1.0]).double()
    y = torch.tensor(found.values).double()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    assert found.value == pytest.approx(float(y.mean() - slope * x.mean()))


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        frechet_at_infinity(torch.rand(30, 3), torch.rand(7, 3))
