from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

import refine.metrics.distances
from refine.metrics import frechet, kernel, metric_name


class Extractor(NamedTuple):
    name: str
    sha256: str | None
    resize: str = "none"

    def __call__(self, images: Tensor) -> Tensor:
        raise NotImplementedError("the distances take features that are there")


def sample(count: int, dimension: int, seed: int, shift: float = 0.0) -> Tensor:
    """Correlated, all positive, like pooled activations."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dimension, dimension, generator=torch.Generator().manual_seed(99)) / dimension**0.5
    mixed: Tensor = torch.randn(count, dimension, generator=generator) @ mixing
    return (mixed + 0.3 + shift).relu()


@pytest.mark.parametrize(("a", "b", "dimension"), [(300, 200, 24), (30, 20, 128), (12, 90, 128)])
def test_frechet_equals_torch_fidelity(a: int, b: int, dimension: int) -> None:
    ours, theirs = sample(a, dimension, 0, 0.2), sample(b, dimension, 1)
    statistics = [fid_features_to_statistics(features.double()) for features in (ours, theirs)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet(ours, theirs) == pytest.approx(expected, rel=1e-4)


def test_kernel_equals_torch_fidelity() -> None:
    ours, theirs = sample(80, 64, 0, 0.2), sample(80, 64, 1)
    expected = kid_features_to_metric(ours.double(), theirs.double(), kid_subsets=1, kid_subset_size=80, verbose=False)[
        "kernel_inception_distance_mean"
    ]
    assert kernel(ours, theirs) == pytest.approx(expected, rel=1e-4)


def test_kernel_of_unequal_numbers_is_the_mean_over_subsets() -> None:
    ours, theirs = sample(6, 8, 0, 0.5), sample(5, 8, 1)
    subsets = [kernel(torch.cat([ours[:i], ours[i + 1 :]]), theirs) for i in range(6)]
    assert kernel(ours, theirs) == pytest.approx(sum(subsets) / 6, rel=1e-9)


def test_kernel_does_not_depend_on_how_its_matrix_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = sample(50, 16, 0), sample(33, 16, 1)
    whole = kernel(ours, theirs)
    monkeypatch.setattr(refine.metrics.distances, "_ROWS", 7)
    assert kernel(ours, theirs) == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize("count", [200, 20])
def test_a_set_is_at_no_frechet_distance_from_itself(count: int) -> None:
    features = sample(count, 64, 0)
    assert frechet(features, features.flip(0)) == pytest.approx(0, abs=1e-5)


def test_frechet_counts_a_shift_of_the_mean_exactly_even_far_from_zero() -> None:
    features = sample(100, 32, 0).double() + 1e6
    assert frechet(features + 2.0, features) == pytest.approx(32 * 4.0, rel=1e-6)


def test_kernel_of_two_samples_of_one_kind_is_around_zero() -> None:
    values = torch.tensor([kernel(sample(60, 16, 2 * seed), sample(60, 16, 2 * seed + 1)) for seed in range(40)])
    assert values.min() < 0 < values.max()
    assert values.mean().abs() < 3 * values.std() / 40**0.5


@pytest.mark.parametrize("distance", [frechet, kernel])
def test_shapes_and_counts_are_checked(distance: object) -> None:
    assert callable(distance)
    with pytest.raises(ValueError, match="expected"):
        distance(torch.rand(4, 3), torch.rand(4, 2))
    with pytest.raises(ValueError, match="at least 2"):
        distance(torch.rand(1, 3), torch.rand(4, 3))


def test_only_the_standard_network_with_the_standard_weights_is_called_plain_fid() -> None:
    assert metric_name("fid", Extractor("inception-2048", "6726825d0af5f729")) == "fid"
    assert metric_name("kid", Extractor("inception-2048", "6726825d0af5f729")) == "kid"
    assert metric_name("fid", Extractor("inception-2048", "f402c6b4")) == "fid[inception-2048]"
    assert metric_name("fid", Extractor("inception-768", "6726825d0af5f729")) == "fid[inception-768]"
    assert metric_name("kid", Extractor("task", None)) == "kid[task]"
