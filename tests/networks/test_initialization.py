import torch
from torch import nn

from refine.networks.initialization import init_normal


def test_weights_start_from_a_narrow_normal_and_biases_at_zero() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(16, 64, 3)
    init_normal(layer)
    assert abs(float(layer.weight.detach().std()) - 0.02) < 1e-3
    assert layer.bias is not None
    assert bool((layer.bias == 0).all())
