import importlib

import pytest
import torch
from torch_fidelity.metric_prc import calculate_precision_recall_full

from refine.metrics.manifold import density_coverage, precision_recall
from tests.metrics.samples import sample

REFERENCE = torch.tensor([[0.0], [1.0], [3.0], [20.0]])  # reach to the nearest: 1, 1, 2, 17
FEATURES = torch.tensor([[0.4], [0.9], [4.5], [40.0], [41.5]])  # reach: 0.5, 0.5, 3.6, 1.5, 1.5


def test_precision_and_recall_by_hand() -> None:
    found = precision_recall(FEATURES, REFERENCE, neighbors=1)
    # 0.4, 0.9 and 4.5 lie in some reach, 40 and 41.5 beyond 37; of the reference 1 and 3 do, and 0 (0.4 off 0.4).
    assert found.precision == pytest.approx(3 / 5)
    assert found.recall == pytest.approx(3 / 4)


def test_density_and_coverage_by_hand() -> None:
    found = density_coverage(FEATURES, REFERENCE, neighbors=1)
    # 0.4 is in the reach of 0 and 1, 0.9 of both, 4.5 of 3 and 20, the others of none.
    assert found.density == pytest.approx((2 + 2 + 2) / 5)
    # Nearest of 0: 0.4; of 1: 0.1; of 3: 1.5; of 20: 15.5. All within reach.
    assert found.coverage == pytest.approx(1.0)
    assert density_coverage(FEATURES[-2:], REFERENCE, neighbors=1).coverage == 0.0


def test_more_neighbors_reach_farther() -> None:
    # Two neighbors: the reference reaches 3, 2, 3, 19.
    found = density_coverage(FEATURES, REFERENCE, neighbors=2)
    assert found.density == pytest.approx((3 + 3 + 2 + 0 + 0) / 5 / 2)
    assert precision_recall(FEATURES + 22, REFERENCE + 22, neighbors=2).precision == pytest.approx(3 / 5)


@pytest.mark.parametrize("neighbors", [1, 3])
def test_precision_and_recall_equal_torch_fidelity(neighbors: int) -> None:
    ours, theirs = sample(90, 12, 0, 0.3).double(), sample(70, 12, 1).double()
    found = precision_recall(ours, theirs, neighbors)
    expected = calculate_precision_recall_full(ours, theirs, neighbors)
    assert (found.precision, found.recall) == pytest.approx(expected)
    assert 0 < found.precision < 1
    assert 0 < found.recall < 1


def test_a_set_has_all_of_itself() -> None:
    features = sample(60, 8, 0)
    assert precision_recall(features, features) == (1.0, 1.0)
    found = density_coverage(features, features)
    assert found.coverage == 1.0
    assert found.density > 1.0  # every image is in its own reach too


def test_far_sets_have_nothing_of_each_other() -> None:
    features = sample(60, 8, 0)
    assert precision_recall(features + 100, features) == (0.0, 0.0)
    assert density_coverage(features + 100, features) == (0.0, 0.0)


def test_one_place_of_many_is_precise_without_recall() -> None:
    real = torch.cat([sample(40, 4, 0), sample(40, 4, 1) + 50])
    found, filled = precision_recall(sample(40, 4, 2), real), density_coverage(sample(40, 4, 2), real)
    assert found.precision > 0.8
    assert found.recall < 0.6
    assert filled.coverage < 0.6


def test_density_of_equal_distributions_is_one_on_the_mean() -> None:
    values = torch.tensor([density_coverage(sample(80, 6, 2 * i), sample(80, 6, 2 * i + 1)).density for i in range(40)])
    assert abs(float(values.mean()) - 1) < 4 * float(values.std()) / 40**0.5


def test_does_not_depend_on_how_its_matrix_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = sample(50, 16, 0, 0.1), sample(33, 16, 1)
    whole = precision_recall(ours, theirs), density_coverage(ours, theirs)
    monkeypatch.setattr(importlib.import_module("refine.metrics.manifold"), "_ROWS", 7)
    assert (precision_recall(ours, theirs), density_coverage(ours, theirs)) == whole


def test_as_many_neighbors_as_images_are_refused() -> None:
    for neighbors in (0, 4):
        with pytest.raises(ValueError, match="fewer than images"):
            precision_recall(torch.rand(9, 3), torch.rand(4, 3), neighbors)
        with pytest.raises(ValueError, match="fewer than images"):
            density_coverage(torch.rand(4, 3), torch.rand(9, 3), neighbors)
