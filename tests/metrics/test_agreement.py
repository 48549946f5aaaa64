import pytest
import torch

from refine.metrics.agreement import agreement, box_agreement, same_answers

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


def test_answers_agree_as_the_outputs_do_that_they_come_from() -> None:
    other = LOGITS.flip(1)
    assert same_answers(LOGITS.argmax(1), other.argmax(1), "class") == agreement(LOGITS, other, "class")
    assert same_answers(LOGITS, other, "targets") == agreement(LOGITS, other, "targets")
    with pytest.raises(ValueError, match=r"answers \(4, 3\) and \(3, 3\) must match"):
        same_answers(LOGITS, LOGITS[:3], "targets")


def told(*rows: tuple[float, float, float, float, float, float]) -> torch.Tensor:
    return torch.tensor([[*rows, (-1.0,) * 6]])


def test_boxes_agree_by_their_pairs() -> None:
    one, near, other = (0, 0.9, 0, 0, 10, 10), (0, 0.5, 0, 0, 10, 6), (0, 0.9, 30, 30, 40, 40)
    assert float(box_agreement(told(one), told(near))) == 1.0
    assert float(box_agreement(told(one), told((1, *near[1:])))) == 0.0  # another class
    assert float(box_agreement(told(one), told(near, other))) == pytest.approx(2 / 3)
    soft = (0, 0.2, 0, 0, 10, 10)
    assert float(box_agreement(told(one), told(soft))) == float(box_agreement(told(soft), told(one))) == 0.0
    assert float(box_agreement(told(), told((0, 0.2, 0, 0, 10, 10)))) == 1.0
    both = box_agreement(torch.cat([told(one), told(other)]), torch.cat([told(one), told(one)]))
    assert both.tolist() == [1.0, 0.0]


def test_detectors_agree_by_what_they_tell() -> None:
    first = torch.full((2, 5, 8, 8), -9.0)
    first[:, 1:] = 6.0
    second = first.clone()
    first[:, 0, 2, 2] = second[0, 0, 2, 2] = second[1, 0, 7, 7] = 3.0
    assert float(agreement(first, second, "objects")) == 0.5
    assert float(agreement(first, first, "objects")) == 1.0
