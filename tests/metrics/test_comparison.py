import numpy as np
import pytest
import torch
from scipy.stats import permutation_test
from torch import Tensor

from refine.metrics.comparison import PairedDifference, cohens_kappa, paired_difference
from refine.metrics.intervals import Statistic
from tests.metrics.samples import bootstrap_interval


def compare(one: Tensor, other: Tensor, clusters: Tensor | None = None) -> PairedDifference:
    """Of two means."""
    return paired_difference(mean_of(torch.cat([one, other])), torch.arange(len(one)) if clusters is None else clusters)


def mean_of(values: Tensor) -> Statistic:
    return lambda weights: (weights @ values.double()) / weights.sum(1)


def normal(count: int, seed: int) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed)).double()


def test_the_difference_is_first_less_second_and_its_interval_that_of_the_paired_differences() -> None:
    one = normal(60, 0)
    other = one + 0.1 * normal(60, 1) - 0.2
    found = compare(one, other)
    assert found.value == pytest.approx(float((one - other).mean()))
    assert found.interval == pytest.approx(bootstrap_interval(mean_of(one - other), torch.arange(60)), abs=1e-9)
    assert found.interval[0] > 0.1  # each mean alone is known to 0.25 only
    assert found.p < 0.001


@pytest.mark.parametrize("count", [5, 12])
def test_of_few_clusters_every_swap_is_tried(count: int) -> None:
    one, other = normal(count, 2), normal(count, 3) - 0.7
    theirs = permutation_test(
        (one.numpy(), other.numpy()),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert compare(one, other).p == pytest.approx(theirs.pvalue)


def test_of_many_clusters_random_swaps_come_near_to_all() -> None:
    one, other = normal(14, 4), normal(14, 5) - 0.4
    signs = 1 - 2 * (torch.arange(2**14)[:, None] >> torch.arange(14) & 1)
    means = (signs.double() @ (one - other)) / 14
    exact = float((means.abs() >= means[0].abs() - 1e-12).double().mean())
    assert compare(one, other).p == pytest.approx(exact, abs=0.02)


def test_the_smallest_p_value_of_five_clusters_is_two_of_thirty_two_however_many_images_they_have() -> None:
    one = torch.ones(50)
    assert compare(one, 0 * one, torch.arange(5).repeat(10)).p == pytest.approx(2 / 32)
    assert compare(one, 0 * one).p == pytest.approx(1 / 5000)


def test_equal_results_are_no_difference() -> None:
    one = normal(30, 6)
    assert compare(one, one) == PairedDifference(0.0, (0.0, 0.0), 1.0)


def test_a_figure_that_is_no_mean_is_swapped_image_by_image() -> None:
    """A share of sums, as intersection over union is, of two clusters: both swaps by hand."""
    hits, sums = torch.tensor([9.0, 1.0, 5.0, 1.0]).double(), torch.tensor([10.0, 2.0, 10.0, 10.0]).double()
    found = paired_difference(lambda weights: (weights @ hits) / (weights @ sums), torch.tensor([0, 1]))
    assert found.value == pytest.approx(10 / 12 - 6 / 20)
    swapped = (5 + 1) / (10 + 2) - (9 + 1) / (10 + 10)
    assert abs(swapped) < found.value
    assert found.p == 0.5


def test_agreement_is_counted_beyond_chance() -> None:
    answers = torch.tensor([0, 0, 1, 1, 2, 2])
    assert cohens_kappa(answers, answers) == pytest.approx(1)
    assert cohens_kappa(answers, torch.tensor([0, 0, 1, 1, 1, 1])) == pytest.approx((4 / 6 - 1 / 3) / (1 - 1 / 3))
    assert cohens_kappa(answers, answers.roll(2)) == pytest.approx(-0.5)
    constant = torch.full((6,), 2)  # what it says of one image it says of all: no sign that it reads them
    assert cohens_kappa(constant, constant) == 0
    assert cohens_kappa(answers, constant) == pytest.approx(0)
