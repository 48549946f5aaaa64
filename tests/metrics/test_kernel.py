import importlib
from typing import NamedTuple

import pytest
import torch
from scipy.stats import t
from torch import Tensor
from torch_fidelity.metric_kid import kid_features_to_metric

from refine.metrics.kernel import Resampled, change_interval, kernel, resampled_kernel
from tests.metrics.samples import sample


def test_equals_torch_fidelity_with_the_whole_set_as_its_subset() -> None:
    ours, theirs = sample(80, 64, 0, 0.2), sample(80, 64, 1)
    expected = kid_features_to_metric(ours.double(), theirs.double(), kid_subsets=1, kid_subset_size=80, verbose=False)[
        "kernel_inception_distance_mean"
    ]
    assert kernel(ours, theirs) == pytest.approx(expected, rel=1e-4)


def test_of_unequal_numbers_is_the_mean_over_subsets() -> None:
    ours, theirs = sample(6, 8, 0, 0.5), sample(5, 8, 1)
    subsets = [kernel(torch.cat([ours[:i], ours[i + 1 :]]), theirs) for i in range(6)]
    assert kernel(ours, theirs) == pytest.approx(sum(subsets) / 6, rel=1e-9)


def test_of_two_samples_of_one_kind_is_around_zero() -> None:
    values = torch.tensor([kernel(sample(60, 16, 2 * seed), sample(60, 16, 2 * seed + 1)) for seed in range(40)])
    assert values.min() < 0 < values.max()
    assert values.mean().abs() < 3 * values.std() / 40**0.5


def test_is_the_closed_form_in_one_dimension() -> None:
    # k = (xy + 1)^3: pairs (0, 1) -> 1, (2, 3) -> 343; across 1, 1, 27, 64.
    value = kernel(torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [3.0]]))
    assert value == pytest.approx(1 + 343 - 2 * (1 + 1 + 27 + 64) / 4)


class Normal(NamedTuple):
    """A normal distribution whose components are independent."""

    mean: Tensor
    deviation: Tensor

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        noise = torch.randn(count, len(self.mean), dtype=torch.float64, generator=generator)
        drawn: Tensor = self.mean + self.deviation * noise
        return drawn

    def in_clusters(self, count: int, size: int, likeness: float, generator: torch.Generator) -> Tensor:
        """Images of a cluster share a part of their deviation, but each alone is distributed as before."""
        shared = self.draw(count // size, generator).repeat_interleave(size, 0) - self.mean
        own = self.draw(count, generator) - self.mean
        drawn: Tensor = self.mean + likeness**0.5 * shared + (1 - likeness) ** 0.5 * own
        return drawn

    def moments(self) -> tuple[Tensor, Tensor, Tensor]:
        """E[x], E[x xᵀ] and E[x x x]."""
        m, covariance = self.mean, torch.diag(self.deviation.square())
        third = torch.einsum("a,b,c->abc", m, m, m)
        for axes in ("ab,c->abc", "ac,b->abc", "bc,a->abc"):
            third = third + torch.einsum(axes, covariance, m)
        return m, covariance + torch.outer(m, m), third


def true_distance(one: Normal, other: Normal) -> float:
    """The squared maximum mean discrepancy of the distributions themselves."""
    d = len(one.mean)

    def expected(a: Normal, b: Normal) -> float:
        first, second, third = (float((x * y).sum()) for x, y in zip(a.moments(), b.moments(), strict=True))
        return third / d**3 + 3 * second / d**2 + 3 * first / d + 1

    return expected(one, one) + expected(other, other) - 2 * expected(one, other)


def normal(dimension: int, shift: float = 0.0, scale: float = 1.0) -> Normal:
    deviation = torch.linspace(1.0, 0.1, dimension, dtype=torch.float64) * scale
    return Normal(torch.full((dimension,), 0.3 + shift, dtype=torch.float64), deviation)


class Case(NamedTuple):
    dimension: int
    counts: tuple[int, int]
    shift: float = 0.0
    scale: float = 1.0
    cluster: int = 1
    likeness: float = 0.0


def covered(case: Case, simulations: int, resamples: int) -> float:
    """Share of intervals that hold the true distance."""
    generator = torch.Generator().manual_seed(1)
    real, ours = normal(case.dimension), normal(case.dimension, case.shift, case.scale)
    truth, hits = true_distance(ours, real), 0
    for seed in range(simulations):
        sides = [
            each.in_clusters(count, case.cluster, case.likeness, generator)
            for each, count in zip((ours, real), case.counts, strict=True)
        ]
        clusters = [torch.arange(count) // case.cluster for count in case.counts]
        found = resampled_kernel(*sides, *clusters, resamples=resamples, seeds=(2 * seed, 2 * seed + 1))
        low, high = found.interval()
        hits += low <= truth <= high
    return hits / simulations


def changes_covered(shifts: tuple[float, float], counts: tuple[int, int], simulations: int, resamples: int) -> float:
    """The same of the difference between two sets that are paired, image by image."""
    generator = torch.Generator().manual_seed(1)
    real, before, after = normal(8), normal(8, shifts[0]), normal(8, shifts[1])
    truth, hits = true_distance(after, real) - true_distance(before, real), 0
    for seed in range(simulations):
        images, theirs = before.draw(counts[0], generator), real.draw(counts[1], generator)
        resampled = [
            resampled_kernel(each, theirs, resamples=resamples, seeds=(2 * seed, 2 * seed + 1))
            for each in (images - shifts[0] + shifts[1], images)
        ]
        low, high = change_interval(resampled[0], resampled[1])
        hits += low <= truth <= high
    return hits / simulations


FAST = [Case(4, (40, 50)), Case(4, (40, 50), shift=0.6), Case(4, (60, 90), shift=0.3, cluster=3, likeness=0.8)]
SLOW = [
    *(Case(8, (50, 50), shift) for shift in (0.0, 0.1, 0.3, 1.0)),
    *(Case(8, (60, 200), shift) for shift in (0.0, 0.1, 0.3, 1.0)),
    *(Case(1, (60, 200), shift) for shift in (0.0, 0.3, 1.0)),
    *(Case(64, (100, 80), shift) for shift in (0.0, 0.1, 0.5)),
    Case(8, (100, 100), scale=1.2),
    Case(8, (100, 100), scale=2.0),
    *(Case(8, (100, 150), shift, cluster=5, likeness=likeness) for shift in (0.0, 0.5) for likeness in (0.5, 1.0)),
]


@pytest.mark.parametrize("case", FAST)
def test_intervals_hold_the_true_distance_about_as_often_as_they_say(case: Case) -> None:
    assert 0.90 <= covered(case, simulations=150, resamples=200) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("case", SLOW)
def test_intervals_hold_the_true_distance_as_often_as_they_say(case: Case) -> None:
    assert 0.92 <= covered(case, simulations=1000, resamples=400) <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("shifts", [(0.5, 0.3), (0.5, 0.0), (1.0, 0.9)])
def test_intervals_of_changes_hold_the_true_change_as_often_as_they_say(shifts: tuple[float, float]) -> None:
    assert 0.92 <= changes_covered(shifts, (100, 80), simulations=1000, resamples=400) <= 0.98


def test_intervals_of_changes_between_near_sets_are_too_wide_and_never_too_narrow() -> None:
    assert changes_covered((0.02, 0.0), (40, 50), simulations=60, resamples=200) > 0.93


def test_images_of_a_cluster_taken_as_independent_would_hold_it_far_too_seldom() -> None:
    case = Case(4, (60, 90), cluster=5, likeness=1.0)
    generator = torch.Generator().manual_seed(1)
    hits = 0
    for seed in range(60):
        sides = [normal(4).in_clusters(count, 5, 1.0, generator) for count in case.counts]
        low, high = resampled_kernel(*sides, resamples=200, seeds=(2 * seed, 2 * seed + 1)).interval()
        hits += low <= 0 <= high
    assert hits < 0.6 * 60


def test_the_true_distance_is_what_large_samples_approach() -> None:
    generator = torch.Generator().manual_seed(0)
    one, other = normal(3, 0.4, 1.5), normal(3)
    measured = [kernel(one.draw(500, generator), other.draw(500, generator)) for _ in range(20)]
    values = torch.tensor(measured)
    assert abs(float(values.mean()) - true_distance(one, other)) < 4 * float(values.std()) / 20**0.5


def test_the_value_is_that_of_all_pairs_and_between_clusters_that_of_some() -> None:
    ours, theirs = sample(12, 5, 0, 0.2).double(), sample(9, 5, 1).double()
    single = resampled_kernel(ours, theirs, resamples=20)
    assert single.value == pytest.approx(kernel(ours, theirs), rel=1e-9)
    assert single.between == pytest.approx(single.value, rel=1e-9)
    clusters = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 4, 5])
    grouped = resampled_kernel(ours, theirs, clusters, resamples=20)
    assert grouped.value == pytest.approx(single.value, rel=1e-9)
    matrix = (ours @ ours.T / 5 + 1) ** 3
    apart = clusters[:, None] != clusters
    ours_alone = (matrix.sum() - matrix.trace()) / (12 * 11)
    assert grouped.between - grouped.value == pytest.approx(float(matrix[apart].mean() - ours_alone), rel=1e-9)
    assert (single.clusters, grouped.clusters) == (9, 6)


def test_a_resample_is_the_distance_of_the_weighted_images() -> None:
    ours, theirs = sample(12, 5, 0, 0.2).double(), sample(9, 5, 1).double()
    found = resampled_kernel(ours, theirs, resamples=7, seeds=(3, 4))
    module = importlib.import_module("refine.metrics.kernel")
    a, b = (module._OwnPart(rows, None, 7, seed).change + 1 / len(rows) for rows, seed in ((ours, 3), (theirs, 4)))
    rows = torch.cat([ours, theirs])
    matrix = (rows @ rows.T / 5 + 1) ** 3
    signed = torch.cat([a, -b], dim=1)  # a kernel mean less the other
    whole = torch.einsum("ri,ij,rj->r", signed, matrix, signed)
    own = torch.cat([torch.ones(12).double() / 12, -torch.ones(9).double() / 9])
    # What pairs of an image with itself add, seen from the center of its own set.
    itself = torch.zeros(7).double()
    for part, count, change in ((slice(0, 12), 12, a - 1 / 12), (slice(12, 21), 9, b - 1 / 9)):
        center = torch.eye(count).double() - 1 / count
        itself += change.square() @ (center @ matrix[part, part] @ center).diagonal()
    assert found.plug_in == pytest.approx(float(own @ matrix @ own), rel=1e-9)
    torch.testing.assert_close(found.plug_in + found.linear + found.quadratic, whole - itself)


def test_equal_seeds_draw_alike_so_that_differences_are_paired() -> None:
    ours, theirs = sample(30, 5, 0, 0.2), sample(25, 5, 1)
    first, again, other = (
        resampled_kernel(ours, theirs, resamples=50, seeds=seeds) for seeds in ((0, 1), (0, 1), (2, 1))
    )
    assert change_interval(again, first) == (0.0, 0.0)
    low, high = change_interval(other, first)
    assert low < 0 < high
    nudged = resampled_kernel(ours + 0.01, theirs, resamples=50, seeds=(0, 1))
    paired, apart = change_interval(nudged, first), change_interval(nudged, other)
    assert paired[1] - paired[0] < 0.2 * (apart[1] - apart[0])


def test_does_not_depend_on_how_the_matrix_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs, clusters = sample(50, 16, 0), sample(33, 16, 1), torch.arange(50) // 4
    whole, plain = resampled_kernel(ours, theirs, clusters, resamples=20), kernel(ours, theirs)
    monkeypatch.setattr(importlib.import_module("refine.metrics.kernel"), "_ROWS", 7)
    assert kernel(ours, theirs) == pytest.approx(plain, rel=1e-9)
    cut = resampled_kernel(ours, theirs, clusters, resamples=20)
    assert cut.interval() == pytest.approx(whole.interval(), rel=1e-9)
    assert (cut.value, cut.between) == pytest.approx((whole.value, whole.between), rel=1e-9)


def test_the_linear_part_varies_as_new_images_would() -> None:
    ours, theirs = sample(5, 6, 0, 0.2).double(), sample(4, 6, 1).double()
    rows = torch.cat([ours, theirs])
    matrix = (rows @ rows.T / 6 + 1) ** 3
    witness = matrix[:, :5].mean(dim=1) - matrix[:, 5:].mean(dim=1)
    expected = 4 * (witness[:5].var() / 5 + witness[5:].var() / 4)
    found = resampled_kernel(ours, theirs, resamples=20000).linear.var()
    assert float(found) == pytest.approx(float(expected), rel=0.05)


@pytest.mark.parametrize("clusters", [3, 100])
def test_the_ends_are_those_distances_at_which_the_measured_one_is_just_likely(clusters: int) -> None:
    linear, quadratic = sample(50, 1, 0).double().flatten(), sample(50, 1, 1).double().flatten()
    reach = float(t.ppf(0.975, clusters - 1))
    for part in (
        Resampled(0.6, 0.5, 0.7, linear, 0 * quadratic, clusters),
        Resampled(0.6, 0.5, 0.7, linear, quadratic, clusters),
    ):
        for end in part.interval():
            variance = float(part.linear.var()) * end / 0.7 + float(part.quadratic.var())
            assert (0.5 - end) ** 2 == pytest.approx(reach**2 * variance)
    low, high = Resampled(0.6, 0.5, 0.7, 0 * linear, quadratic, clusters).interval()
    assert (low, high) == pytest.approx((0.5 - reach * float(quadratic.std()), 0.5 + reach * float(quadratic.std())))


def test_a_change_is_between_clusters_and_as_sure_as_its_resamples() -> None:
    zero, spread = torch.zeros(50).double(), sample(50, 1, 0).double().flatten()
    before, after = (Resampled(9.0, value, 1.0, part, zero, 4) for value, part in ((0.5, zero), (0.2, spread)))
    low, high = change_interval(after, before)
    reach = float(t.ppf(0.975, 3)) * float(spread.std())
    assert (low, high) == pytest.approx((-0.3 - reach, -0.3 + reach))


def test_a_higher_level_gives_a_wider_interval() -> None:
    found = resampled_kernel(sample(30, 5, 0, 0.2), sample(25, 5, 1), resamples=50)
    (low, high), (lower, higher) = found.interval(0.9), found.interval(0.99)
    assert lower < low < found.value < high < higher


def test_one_cluster_or_one_seed_for_both_sides_is_refused() -> None:
    ours, theirs = sample(6, 5, 0), sample(5, 5, 1)
    with pytest.raises(ValueError, match="at least 2 clusters"):
        resampled_kernel(ours, theirs, torch.zeros(6, dtype=torch.long))
    with pytest.raises(ValueError, match="would draw alike"):
        resampled_kernel(ours, theirs, seeds=(3, 3))
