from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from refine.metrics import density_coverage, frechet, kernel, metric_name, precision_recall
from refine.metrics.distances import METRICS, higher_is_nearer


class Extractor(NamedTuple):
    name: str
    sha256: str | None
    resize: str = "none"
    input_range: str = "-1 to 1"

    def __call__(self, images: Tensor) -> Tensor:
        raise NotImplementedError("the distances take features that are there")


@pytest.mark.parametrize("distance", [frechet, kernel, precision_recall, density_coverage])
def test_shapes_and_counts_are_checked(distance: object) -> None:
    assert callable(distance)
    with pytest.raises(ValueError, match="expected"):
        distance(torch.rand(4, 3), torch.rand(4, 2))
    with pytest.raises(ValueError, match="expected"):
        distance(torch.rand(4, 3), torch.rand(4))
    with pytest.raises(ValueError, match="at least 2"):
        distance(torch.rand(1, 3), torch.rand(4, 3))


def test_only_the_standard_network_with_the_standard_weights_is_called_plain_fid() -> None:
    assert metric_name("fid", Extractor("inception-2048", "6726825d0af5f729")) == "fid"
    assert metric_name("kid", Extractor("inception-2048", "6726825d0af5f729")) == "kid"
    assert metric_name("fid", Extractor("inception-2048", "f402c6b4")) == "fid[inception-2048]"
    assert metric_name("fid", Extractor("inception-768", "6726825d0af5f729")) == "fid[inception-768]"
    assert metric_name("kid", Extractor("task", None)) == "kid[task]"


def test_more_is_nearer_of_shares_and_less_of_distances() -> None:
    found = {metric: higher_is_nearer(f"{metric}[task]") for metric in METRICS}
    assert found == {metric: metric in ("precision", "recall", "density", "coverage") for metric in METRICS}
    assert higher_is_nearer("recall")
