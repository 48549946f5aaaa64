import math

import pytest
import torch
import torch.nn.functional as F

from refine.losses.patch_nce import PatchNCE, patch_nce


def unit(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(1)), dim=-1)


def test_it_equals_the_formula_by_hand() -> None:
    queries = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    keys = torch.tensor([[[0.8, 0.6], [0.6, 0.8]]])
    loss = patch_nce(queries, keys, temperature=0.5)
    assert loss.shape == (1, 2)
    by_hand = -math.log(math.exp(1.6) / (math.exp(1.6) + math.exp(1.2)))
    assert loss[0].tolist() == pytest.approx([by_hand, by_hand], rel=1e-6)


def test_the_softmax_of_a_query_is_over_the_keys_not_the_other_way_around() -> None:
    queries, keys = unit(1, 3, 4), unit(2, 3, 4)[1:]
    for query in range(3):
        cosines = [float(queries[0, query] @ keys[0, key]) / 0.07 for key in range(3)]
        by_hand = math.log(sum(math.exp(c) for c in cosines)) - cosines[query]
        assert float(patch_nce(queries, keys)[0, query]) == pytest.approx(by_hand, rel=1e-6)


def test_alike_locations_cost_the_logarithm_of_their_number() -> None:
    same = unit(2, 1, 8).expand(2, 64, 8)
    assert torch.allclose(patch_nce(same, same), torch.full((2, 64), math.log(64), dtype=torch.float64))


def test_negatives_come_from_the_same_image_alone() -> None:
    queries, keys = unit(2, 5, 8), unit(4, 5, 8)[2:]
    together = patch_nce(queries, keys)
    alone = torch.cat([patch_nce(queries[:1], keys[:1]), patch_nce(queries[1:], keys[1:])])
    assert torch.allclose(together, alone)


def test_the_gradient_is_right_and_none_flows_into_the_keys() -> None:
    queries, keys = unit(2, 3, 4).requires_grad_(), (unit(4, 3, 4)[2:] * 0.9).requires_grad_()
    assert torch.autograd.gradcheck(lambda q: patch_nce(q, keys), (queries,))
    PatchNCE()(queries, keys).sum().backward()
    assert queries.grad is not None
    assert keys.grad is None


def test_autocast_does_not_round_the_cosines() -> None:
    queries, keys = unit(1, 16, 8, dtype=torch.float32), unit(2, 16, 8, dtype=torch.float32)[1:]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = patch_nce(queries, keys)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, patch_nce(queries, keys))
    assert patch_nce(queries.bfloat16(), keys.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("shape", [(1, 5, 8), (2, 4, 8), (2, 5, 1)])
def test_shapes_that_would_broadcast_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must match"):
        patch_nce(torch.zeros(2, 5, 8), torch.zeros(shape))


def test_flattened_images_are_refused() -> None:
    with pytest.raises(ValueError, match="B, N, D"):
        patch_nce(torch.zeros(10, 8), torch.zeros(10, 8))
