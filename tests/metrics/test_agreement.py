import pytest
import torch

from refine.metrics.agreement import agreement

LOGITS = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0], [1.0, 0.0, 0.0]])


def test_classes_agree_where_the_most_probable_one_is_the_same() -> None:
    other = torch.tensor([[9.0, 1.0, 0.0], [0.0, 1.0, 5.0], [0.0, 0.0, 0.1], [0.0, 0.5, 0.0]])
    found = agreement(LOGITS, other, "class")
    assert (float(found), found.shape, found.dtype) == (0.5, (), torch.float32)


def test_masks_agree_pixel_by_pixel() -> None:
    first, second = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    first[:, 0] = second[:, 0] = 1.0
    second[0, 1, 0, 0] = 2.0
    assert float(agreement(first, second, "mask")) == 0.75


def test_targets_agree_by_their_difference_in_units_of_the_spread() -> None:
    second = torch.tensor([[0.0, 10.0], [2.0, 30.0]])  # mean absolute deviations 1 and 10
    first = second + torch.tensor([[0.25, 0.0], [-0.25, 5.0]])
    assert float(agreement(first, second, "targets")) == pytest.approx((0.75 + 0.75) / 2)
    assert float(agreement(second, second, "targets")) == 1.0


def test_targets_that_are_far_apart_do_not_agree_at_all_and_never_less() -> None:
    second = torch.tensor([[0.0, 0.0], [2.0, 2.0]])
    first = second + torch.tensor([[0.0, 50.0], [0.0, 50.0]])
    assert float(agreement(first, second, "targets")) == 0.5


def test_values_without_spread_agree_only_if_they_are_equal() -> None:
    one = torch.tensor([[0.5, 0.5]])
    assert float(agreement(one, one, "targets")) == 1.0
    assert float(agreement(one + 0.01, one, "targets")) == 0.0


def test_half_precision_values_are_compared_in_full() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 64, 3, generator=generator).bfloat16()
    first = (second + 0.3 * first).bfloat16()
    found = agreement(first, second, "targets")
    expected = agreement(first.double(), second.double(), "targets")
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(float(expected), rel=1e-6)


def test_no_gradient_flows() -> None:
    assert not agreement(LOGITS.clone().requires_grad_(), LOGITS, "class").requires_grad


@pytest.mark.parametrize("kind", ["class", "targets"])
def test_different_shapes_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=r"\(4, 3\) and \(1, 3\) must match"):
        agreement(LOGITS, LOGITS[:1], kind)  # type: ignore[arg-type]  # a name from the parameters
