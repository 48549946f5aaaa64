import numpy as np
import pytest
import torch
from scipy.stats import bootstrap
from torch import Tensor

from refine.metrics import intervals
from refine.metrics.intervals import (
    clopper_pearson,
    cluster_numbers,
    draws,
    percentile_interval,
)
from tests.metrics.samples import bootstrap_interval


def mean_of(values: Tensor) -> intervals.Statistic:
    return lambda weights: (weights @ values) / weights.sum(1)


VALUES = torch.randn(40, generator=torch.Generator().manual_seed(1)).double()


def test_each_resample_draws_as_many_clusters_as_there_are_and_all_images_of_one_together() -> None:
    clusters = torch.tensor([7, 7, 2, 9, 9, 9])
    times = draws(clusters, 50)
    assert torch.equal(times[:, 0], times[:, 1])
    assert torch.equal(times[:, 3], times[:, 5])
    assert torch.equal(times[:, 0] + times[:, 2] + times[:, 3], torch.full((50,), 3.0))
    assert not torch.equal(times[:, 0], times[:, 2])


def test_the_same_seed_draws_the_same_in_parts_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = draws(torch.arange(10), 30)
    monkeypatch.setattr(intervals, "BLOCK", 40)
    assert torch.equal(draws(torch.arange(10), 30), whole)
    assert len(list(intervals.draw_blocks(torch.arange(10), 30))) == 8


def test_the_interval_is_that_of_scipy_but_for_its_own_draws_and_the_wider_share() -> None:
    low, high = bootstrap_interval(mean_of(VALUES), torch.arange(40), resamples=20000)
    theirs = bootstrap((VALUES.numpy(),), np.mean, n_resamples=20000, method="percentile", rng=0).confidence_interval
    wider = 2.0235 * 1.0127 / 1.96  # Student's t of 39 and sqrt(40 / 39), over the normal
    middle, half = (theirs.low + theirs.high) / 2, (theirs.high - theirs.low) / 2
    assert [low, high] == pytest.approx([middle - wider * half, middle + wider * half], abs=0.02)


def test_few_clusters_take_a_wider_share_and_many_the_middle_one() -> None:
    values = torch.linspace(0, 1, 100001)
    plain = percentile_interval(values)
    assert plain == pytest.approx((0.025, 0.975))
    assert percentile_interval(values, clusters=5)[0] < 0.002
    assert percentile_interval(values, clusters=100)[0] == pytest.approx(0.0231, abs=2e-4)
    assert percentile_interval(values, clusters=10**6) == pytest.approx(plain, abs=1e-4)


def test_images_that_repeat_each_other_make_the_interval_wider_only_if_they_are_clusters() -> None:
    values, groups = VALUES.repeat(4), torch.arange(40).repeat(4)
    alone, clustered = (bootstrap_interval(mean_of(values), c) for c in (torch.arange(160), groups))
    assert clustered == pytest.approx(bootstrap_interval(mean_of(VALUES), torch.arange(40)))
    assert clustered[1] - clustered[0] > 1.7 * (alone[1] - alone[0])


def test_resamples_with_nothing_to_say_are_left_out_and_one_cluster_is_refused() -> None:
    assert percentile_interval(torch.tensor([torch.nan, 0.0, 1.0]), level=0.5) == (0.25, 0.75)
    with pytest.raises(ValueError, match="1 cluster has no spread"):
        bootstrap_interval(mean_of(VALUES), torch.zeros(40, dtype=torch.int64))


def test_clopper_pearson_by_its_tables() -> None:
    assert clopper_pearson(0, 10) == pytest.approx((0.0, 0.30850), abs=1e-5)
    assert clopper_pearson(10, 10) == pytest.approx((0.69150, 1.0), abs=1e-5)
    assert clopper_pearson(3, 10) == pytest.approx((0.06674, 0.65245), abs=1e-5)
    with pytest.raises(ValueError, match="11 hits of 10 tries"):
        clopper_pearson(11, 10)


def test_equal_groups_have_equal_numbers() -> None:
    assert cluster_numbers(["b", "a", "b"]).tolist() == [0, 1, 0]
