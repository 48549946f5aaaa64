import pytest
import torch

from refine.losses.reconstruction import Reconstruction, reconstruction


def test_it_is_the_mean_absolute_difference() -> None:
    output, expected = torch.tensor([[[[0.0, 1.0]]]]), torch.tensor([[[[0.5, -1.0]]]])
    assert float(reconstruction(output, expected)) == pytest.approx(1.25)
    assert float(Reconstruction()(output, expected)) == pytest.approx(1.25)


def test_shapes_that_would_broadcast_are_refused() -> None:
    with pytest.raises(ValueError, match="must match"):
        reconstruction(torch.zeros(4, 3, 8, 8), torch.zeros(1, 3, 8, 8))
