import importlib

import pytest
import torch
from torch_fidelity.metric_kid import kid_features_to_metric

from refine.metrics import kernel
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


def test_does_not_depend_on_how_its_matrix_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = sample(50, 16, 0), sample(33, 16, 1)
    whole = kernel(ours, theirs)
    monkeypatch.setattr(importlib.import_module("refine.metrics.kernel"), "_ROWS", 7)
    assert kernel(ours, theirs) == pytest.approx(whole, rel=1e-9)


def test_of_two_samples_of_one_kind_is_around_zero() -> None:
    values = torch.tensor([kernel(sample(60, 16, 2 * seed), sample(60, 16, 2 * seed + 1)) for seed in range(40)])
    assert values.min() < 0 < values.max()
    assert values.mean().abs() < 3 * values.std() / 40**0.5


def test_is_the_closed_form_in_one_dimension() -> None:
    # k = (xy + 1)^3: pairs (0, 1) -> 1, (2, 3) -> 343; across 1, 1, 27, 64.
    value = kernel(torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [3.0]]))
    assert value == pytest.approx(1 + 343 - 2 * (1 + 1 + 27 + 64) / 4)
