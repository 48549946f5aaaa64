import pytest
import torch
import torch.nn.functional as F
from torchvision.tv_tensors import Mask

from refine.methods.task_labels import batch_scores, label_loss, mask_of, mask_scores, target_scores

LOGITS = torch.tensor([[[[2.0, 0.0]], [[0.0, 1.0]]]])
"""(1, 2, 1, 2)."""


def test_the_loss_of_masks_is_the_mean_over_valid_pixels() -> None:
    whole = label_loss("mask", LOGITS, torch.tensor([[[0, 0]]]))
    assert whole.item() == pytest.approx((0.126928 + 1.313262) / 2, abs=1e-6)
    assert label_loss("mask", LOGITS, torch.tensor([[[0, 255]]])).item() == pytest.approx(0.126928, abs=1e-6)


def test_without_a_valid_pixel_the_loss_and_its_gradient_are_zero() -> None:
    logits = LOGITS.clone().requires_grad_()
    loss = label_loss("mask", logits, torch.full((1, 1, 2), 255))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.item() == 0.0
    assert gradient.tolist() == torch.zeros_like(LOGITS).tolist()


@pytest.mark.parametrize("label", [torch.tensor([[[0, 255]]], dtype=torch.uint8), torch.tensor([[[[0, 255]]]])])
def test_masks_come_with_or_without_a_channel_and_of_any_integer_type(label: torch.Tensor) -> None:
    assert label_loss("mask", LOGITS, Mask(label)).item() == pytest.approx(0.126928, abs=1e-6)
    assert mask_of(Mask(label)).tolist() == [[[0, 255]]]
    assert type(mask_of(Mask(label))) is torch.Tensor


def test_one_pixel_high_masks_keep_their_height() -> None:
    assert mask_of(torch.zeros(3, 1, 5)).shape == (3, 1, 5)
    assert mask_of(torch.zeros(3, 1, 1, 5)).shape == (3, 1, 5)


def test_the_loss_of_classes_is_cross_entropy() -> None:
    logits, label = torch.rand(4, 3), torch.tensor([0, 2, 1, 1])
    assert torch.equal(label_loss("class", logits, label), F.cross_entropy(logits, label))


def test_the_loss_of_targets_is_square_near_zero_and_straight_beyond_one() -> None:
    values = torch.tensor([[0.5, 3.0]])
    assert label_loss("targets", values, torch.zeros(1, 2)).item() == pytest.approx((0.125 + 2.5) / 2)
    with pytest.raises(ValueError, match="must match"):
        label_loss("targets", values, torch.zeros(1))


@pytest.mark.parametrize(
    ("kind", "outputs", "label"),
    [
        ("class", torch.rand(2, 3), torch.tensor([0, 2])),
        ("mask", torch.rand(1, 3, 2, 2), torch.tensor([[[0, 255], [2, 1]]])),
        ("targets", torch.rand(2, 2), torch.rand(2, 2) + 2),
    ],
)
def test_gradients_are_those_of_finite_differences(kind: str, outputs: torch.Tensor, label: torch.Tensor) -> None:
    def loss(values: torch.Tensor) -> torch.Tensor:
        # a kind from the parameters
        return label_loss(kind, values, label.double() if kind == "targets" else label)  # type: ignore[arg-type]

    assert torch.autograd.gradcheck(loss, outputs.double().requires_grad_())


def test_classes_that_never_occur_have_no_score() -> None:
    scores = mask_scores(torch.tensor([[1, 1, 0], [0, 2, 0], [0, 0, 0]]), ["a", "b", "c"])
    assert {name: float(score) for name, score in scores.items()} == {
        "task/miou": pytest.approx((1 / 2 + 2 / 3) / 2),
        "task/iou_a": 0.5,
        "task/iou_b": pytest.approx(2 / 3),
    }
    assert mask_scores(torch.zeros(2, 2), ["a", "b"]) == {}


def test_only_pitch_and_yaw_have_an_angle() -> None:
    predicted, label = torch.zeros(2, 2), torch.tensor([[0.1, 0.0], [0.3, 0.0]])
    assert "task/mean_angular_error_degrees" in target_scores(predicted, label, ["pitch", "yaw"])
    scores = target_scores(predicted, label, ["x", "y"])
    assert {name: float(score) for name, score in scores.items()} == {
        "task/mean_absolute_error_x": pytest.approx(0.2),
        "task/mean_absolute_error_y": 0.0,
    }


def test_scores_of_a_batch_are_those_of_its_kind() -> None:
    accuracy = batch_scores("class", torch.tensor([0, 1, 1, 1]), torch.tensor([0, 1, 0, 1]), ["a", "b"])
    assert {name: float(score) for name, score in accuracy.items()} == {"task/validation_accuracy": 0.75}
    assert list(batch_scores("targets", torch.zeros(2, 1), torch.ones(2, 1), ["x"])) == ["task/mean_absolute_error_x"]
