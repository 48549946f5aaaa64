"""Do 95 % intervals hold the truth in 95 % of experiments, and do p-values reject nothing too often?

Each experiment draws a new test set from a population whose true figures are known in closed form.
"""

import pytest
import torch
from torch import Tensor

from refine.labels.classes import ClassScoring
from refine.labels.masks import MaskScoring
from refine.labels.scoring import Scoring
from refine.labels.targets import TargetScoring
from refine.metrics.comparison import paired_difference
from tests.metrics.samples import bootstrap_interval

RESAMPLES = 1000
IMAGES = 60
TWO = ("a", "b")


def uniform(*shape: int, of: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=of)


def covers(scoring: Scoring, predictions: Tensor, clusters: Tensor, truth: float) -> bool:
    low, high = bootstrap_interval(scoring.statistic([predictions]), clusters, resamples=RESAMPLES)
    return low <= truth <= high


def accuracy(seed: int) -> bool:
    """Three seeds that agree on which images are hard: 0.7 of the images are right with 0.9, the others with 0.2."""
    of = torch.Generator().manual_seed(seed)
    chance = torch.where(uniform(IMAGES, of=of) < 0.7, 0.9, 0.2)
    right = uniform(3, IMAGES, of=of) < chance
    scoring = ClassScoring(torch.zeros(IMAGES, dtype=torch.int64), TWO)
    return covers(scoring, (~right).long(), torch.arange(IMAGES), 0.7 * 0.9 + 0.3 * 0.2)


def clustered_accuracy(seed: int) -> bool:
    """20 recordings of 6 images, each recording with an accuracy of its own, uniform from 0.4 to 1."""
    of = torch.Generator().manual_seed(seed)
    clusters = torch.arange(20).repeat_interleave(6)
    right = uniform(1, 120, of=of) < (0.4 + 0.6 * uniform(20, of=of))[clusters]
    scoring = ClassScoring(torch.zeros(120, dtype=torch.int64), TWO)
    return covers(scoring, (~right).long(), clusters, 0.7)


def miou(seed: int) -> bool:
    """Images with a share of the second class of their own; of both classes, pixels are right with 0.9 and 0.7."""
    of = torch.Generator().manual_seed(seed)
    share = 0.1 + 0.4 * uniform(IMAGES, 1, 1, of=of)
    labels = (uniform(IMAGES, 8, 8, of=of) < share).long()
    right = uniform(1, IMAGES, 8, 8, of=of) < torch.where(labels == 1, 0.7, 0.9)
    first, second = 0.7 * 0.9 / (0.7 + 0.3 * 0.3), 0.3 * 0.7 / (0.3 + 0.7 * 0.1)  # 0.3 of all pixels are of the second
    scoring = MaskScoring(labels, TWO)
    return covers(scoring, torch.where(right, labels, 1 - labels), torch.arange(IMAGES), (first + second) / 2)


def two_rows(seed: int, better: float) -> tuple[bool, float]:
    """Two models with a common part of luck on 24 recordings of 3 images: is the true difference held, and p."""
    of = torch.Generator().manual_seed(seed)
    clusters = torch.arange(24).repeat_interleave(3)
    # a recording is easier for one of the two, either way alike
    common, apart = 0.4 + 0.3 * uniform(24, of=of), 0.2 * (2 * uniform(24, of=of) - 1)
    chances = [(common + sign * apart / 2)[clusters] for sign in (1, -1)]
    right = [uniform(3, 72, of=of) < chance for chance in (chances[0] + better, chances[1])]
    scoring = ClassScoring(torch.zeros(72, dtype=torch.int64), TWO)
    both = scoring.statistic([(~found).long() for found in right])
    found = paired_difference(both, clusters, resamples=RESAMPLES)
    return found.interval[0] <= better <= found.interval[1], found.p


EXPERIMENTS = {"accuracy": accuracy, "clustered_accuracy": clustered_accuracy, "miou": miou}


def check(count: int, least: float, most: float) -> None:
    for name, experiment in EXPERIMENTS.items():
        covered = sum(experiment(seed) for seed in range(count)) / count
        assert least <= covered <= most, f"{name}: {covered:.1%}"
    compared = [two_rows(seed, 0.15) for seed in range(count)]
    covered = sum(held for held, _ in compared) / count
    assert least <= covered <= most, f"paired difference: {covered:.1%}"


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    check(120, 0.90, 0.99)


@pytest.mark.slow
def test_intervals_hold_the_truth_in_92_to_98_of_100_experiments() -> None:
    check(2000, 0.92, 0.98)


def equal_regressors(seed: int) -> float:
    """The p-value of two models whose errors come from one distribution, on 24 recordings of 3 images."""
    of = torch.Generator().manual_seed(seed)
    clusters = torch.arange(24).repeat_interleave(3)
    hard = uniform(24, 1, of=of)[clusters]
    scoring = TargetScoring(torch.zeros(72, 1), ["x"])
    both = scoring.statistic([hard * uniform(3, 72, 1, of=of) + uniform(24, 1, of=of)[clusters] for _ in range(2)])
    return paired_difference(both, clusters, resamples=10).p


@pytest.mark.slow
def test_p_values_under_the_null_are_uniform_and_of_coarse_figures_no_smaller() -> None:
    continuous = torch.tensor([equal_regressors(seed) for seed in range(2000)])
    coarse = torch.tensor([two_rows(seed, 0.0)[1] for seed in range(2000)])  # shares of 216: many differences are equal
    for level in (0.05, 0.2, 0.5):
        assert float((continuous <= level).double().mean()) == pytest.approx(level, abs=0.02 + 0.02 * (level > 0.1))
        assert float((coarse <= level).double().mean()) <= level + 0.02
    assert float((coarse <= 0.05).double().mean()) >= 0.03


def test_p_values_reject_equal_models_seldom_and_unequal_ones_often() -> None:
    equal, unequal = ([two_rows(seed, better)[1] for seed in range(60)] for better in (0.0, 0.25))
    assert sum(p <= 0.05 for p in equal) <= 8
    assert sum(p <= 0.05 for p in unequal) >= 54
