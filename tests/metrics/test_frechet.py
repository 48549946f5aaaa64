import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from refine.metrics.frechet import FeatureMoments, frechet, frechet_at_infinity, frechet_of_moments
from refine.metrics.kernel import kernel
from refine.metrics.manifold import density_coverage, precision_recall
from tests.metrics.samples import sample, with_covariance

SIZES = [(300, 200, 24), (30, 20, 128), (12, 90, 128), (200, 90, 128), (90, 200, 128)]


def moments(*batches: Tensor) -> FeatureMoments:
    found = FeatureMoments(batches[0].shape[1])
    for batch in batches:
        found.update(batch)
    return found


@pytest.mark.parametrize(("a", "b", "dimension"), SIZES)
def test_equals_torch_fidelity(a: int, b: int, dimension: int) -> None:
    ours, theirs = sample(a, dimension, 0, 0.2), sample(b, dimension, 1)
    statistics = [fid_features_to_statistics(features.double()) for features in (ours, theirs)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet(ours, theirs) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("a", "b", "dimension"), SIZES)
def test_equals_the_matrix_root_of_scipy(a: int, b: int, dimension: int) -> None:
    ours, theirs = sample(a, dimension, 0, 0.2).double(), sample(b, dimension, 1).double()
    first, second = (np.cov(features.numpy(), rowvar=False) for features in (ours, theirs))
    shift = float((ours.mean(dim=0) - theirs.mean(dim=0)).square().sum())
    offset = 1e-10 * np.eye(dimension)  # as the authors' code does where the product has no root
    root = np.trace(scipy.linalg.sqrtm((first + offset) @ (second + offset)).real)
    assert frechet(ours, theirs) == pytest.approx(shift + np.trace(first + second) - 2 * root, rel=1e-4)


@pytest.mark.parametrize("counts", [(50, 60), (5, 7), (5, 60)])
def test_is_the_closed_form_of_gaussians_whose_covariances_commute(counts: tuple[int, int]) -> None:
    few = min(counts) < 10
    rotation = torch.linalg.qr(torch.randn(20, 20, generator=torch.Generator().manual_seed(0)).double()).Q
    spreads = [torch.linspace(0.1, 2, 20).double(), torch.linspace(3, 1, 20).double().square()]
    means = [torch.zeros(20).double(), torch.linspace(-1, 1, 20).double()]
    if few:  # so few rows span fewer directions: let the first 4 be all
        for spread in spreads:
            spread[4:] = 0
    roots = [rotation @ torch.diag(spread) for spread in spreads]
    samples = []
    for count, root, mean, seed in zip(counts, roots, means, (1, 2), strict=True):
        directions = root[:, :4] if few else root
        own = with_covariance(count, torch.eye(directions.shape[1]).double(), torch.zeros(1).double(), seed)
        samples.append(own @ directions.T + mean)
    expected = (means[0] - means[1]).square().sum() + (spreads[0] - spreads[1]).square().sum()
    assert frechet(*samples) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("count", [200, 20])
def test_a_set_is_at_no_distance_from_itself(count: int) -> None:
    features = sample(count, 64, 0)
    assert frechet(features, features.flip(0)) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("count", [200, 60])
def test_features_that_are_always_0_add_nothing(count: int) -> None:
    ours, theirs = sample(count, 24, 0, 0.2), sample(count, 24, 1)
    dead = torch.zeros(count, 40)
    found = frechet(torch.cat([ours, dead], dim=1), torch.cat([theirs, dead], dim=1))
    assert found == pytest.approx(frechet(ours, theirs), rel=1e-7)


def test_rounding_in_directions_without_extent_adds_up_to_nothing() -> None:
    mixing = torch.randn(50, 256, generator=torch.Generator().manual_seed(0))
    features = sample(300, 50, 0) @ mixing
    assert frechet(features, features) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("count", [100, 20])
def test_counts_a_shift_of_the_mean_exactly_even_far_from_zero(count: int) -> None:
    features = sample(count, 32, 0).double() + 1e6
    assert frechet(features + 2.0, features) == pytest.approx(32 * 4.0, rel=1e-6)


@pytest.mark.parametrize("count", [2, 9, 10, 11, 57])
def test_moments_of_a_stream_are_those_of_the_whole(count: int) -> None:
    rows = sample(count, 10, 3).double() + 1e5
    found = moments(*torch.split(rows, 4))
    assert found.count == count
    torch.testing.assert_close(found.mean(), rows.mean(dim=0), rtol=1e-12, atol=0)
    torch.testing.assert_close(found.covariance(), rows.T.cov(), rtol=0, atol=1e-9)
    deviations = found.deviations()
    assert (deviations is None) == (count >= 10)
    if deviations is not None:
        torch.testing.assert_close(deviations.T @ deviations, rows.T.cov(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("sizes", [(3, 4), (30, 4), (4, 30), (30, 40), (0, 30)])
def test_moments_of_several_processes_join_to_those_of_all(sizes: tuple[int, int]) -> None:
    rows = sample(sum(sizes), 10, 3).double()
    parts = [moments(part) for part in torch.split(rows, list(sizes))]
    parts[0].merge(parts[1])
    assert parts[0].count == sum(sizes)
    assert parts[1].count == sizes[1]
    torch.testing.assert_close(parts[0].mean(), rows.mean(dim=0))
    torch.testing.assert_close(parts[0].covariance(), rows.T.cov())


def test_asking_moments_changes_nothing() -> None:
    rows = sample(25, 10, 3)
    found, other = moments(rows[:7]), moments(sample(40, 10, 4))
    first = frechet_of_moments(found, other)
    found.covariance()
    assert frechet_of_moments(found, other) == first
    found.update(rows[7:])
    torch.testing.assert_close(found.covariance(), rows.double().T.cov())


def test_moments_of_many_images_take_no_more_memory_than_a_covariance() -> None:
    found = moments(*torch.split(sample(500, 10, 3), 9))
    assert sum(rows.numel() for rows in found._rows) < 2 * 10 * 10


def test_vectors_of_another_length_are_refused() -> None:
    found = moments(torch.rand(4, 3))
    with pytest.raises(ValueError, match=r"expected \(B, 3\)"):
        found.update(torch.rand(4, 2))
    with pytest.raises(ValueError, match="cannot be joined"):
        found.merge(moments(torch.rand(4, 2)))
    with pytest.raises(ValueError, match="cannot be compared"):
        frechet_of_moments(found, moments(torch.rand(4, 2)))
    with pytest.raises(ValueError, match="at least 2"):
        frechet_of_moments(found, moments(torch.rand(1, 3)))


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
    found = frechet_at_infinity(a, b, samples=4)
    assert found.sizes == [(10, 5), (20, 10), (30, 15), (40, 20)]
    assert found.values[-1] == pytest.approx(frechet(a, b))
    assert found == frechet_at_infinity(a, b, samples=4)
    assert found.values[:3] != frechet_at_infinity(a, b, seed=1, samples=4).values[:3]
    x = torch.tensor([4.0, 2.0, 4 / 3, 1.0]).double()
    y = torch.tensor(found.values).double()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    assert found.value == pytest.approx(float(y.mean() - slope * x.mean()))


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        frechet_at_infinity(torch.rand(30, 3), torch.rand(7, 3))


@pytest.mark.parametrize("distance", [frechet, kernel, precision_recall, density_coverage])
def test_shapes_and_counts_of_every_distance_are_checked(distance: object) -> None:
    assert callable(distance)
    for shapes, message in (
        (((4, 3), (4, 2)), "expected"),
        (((4, 3), (4,)), "expected"),
        (((1, 3), (4, 3)), "at least 2"),
    ):
        with pytest.raises(ValueError, match=message):
            distance(*map(torch.rand, shapes))
