import pytest
import torch
from torch import Tensor

from refine.networks.patchgan import PatchGAN


def test_the_published_discriminator_has_2_765_million_parameters() -> None:
    assert sum(weight.numel() for weight in PatchGAN().parameters()) == 2_764_737


@pytest.mark.parametrize(("layers", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_a_score_sees_a_patch_of_the_published_size(layers: int, patch: int) -> None:
    network = PatchGAN(1, features=2, layers=layers)
    for module in network.modules():  # normalization looks at the whole image: take it out to see the patch
        if isinstance(module, torch.nn.InstanceNorm2d):
            module.forward = lambda features: features  # type: ignore[method-assign,assignment]
    images = torch.randn(1, 1, 160, 160, requires_grad=True)
    scores: Tensor = network(images)
    middle = scores.shape[-1] // 2
    scores[0, 0, middle, middle].backward()  # type: ignore[no-untyped-call]
    assert images.grad is not None
    rows = images.grad[0, 0].abs().sum(1).nonzero().flatten()
    assert int(rows.max() - rows.min()) + 1 == patch
