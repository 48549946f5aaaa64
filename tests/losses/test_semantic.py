import math
from typing import cast

import pytest
import torch

from refine.labels import LabelKind
from refine.losses.semantic import (
    Semantic,
    pseudo_labels,
    semantic_classes,
    semantic_masks,
    semantic_targets,
)


def test_classes_cost_their_cross_entropy_by_hand() -> None:
    logits = torch.tensor([[1.0, 0.0], [2.0, -1.0]])
    loss = semantic_classes(logits, torch.tensor([0, 1]))
    assert loss.tolist() == pytest.approx([math.log(1 + math.exp(-1)), math.log(1 + math.exp(3))], rel=1e-6)


def test_masks_average_over_the_pixels_that_count() -> None:
    logits = torch.zeros(1, 3, 2, 2)
    logits[0, 2, 0, 0] = 1.0
    target = torch.tensor([[[2, 0], [255, 255]]])
    by_hand = (math.log(1 + 2 * math.exp(-1)) + math.log(3)) / 2
    assert semantic_masks(logits, target).tolist() == pytest.approx([by_hand], rel=1e-6)


def test_an_image_without_a_pixel_that_counts_costs_nothing_and_pulls_nothing() -> None:
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    target = torch.zeros(2, 4, 4, dtype=torch.int64)
    target[1] = 7
    loss = semantic_masks(logits, target, ignore_index=7)
    loss.sum().backward()  # type: ignore[no-untyped-call]  # torch gives it no types
    assert float(loss[1]) == 0
    assert float(loss[0]) > 0
    assert logits.grad is not None
    assert logits.grad[1].abs().max() == 0
    assert logits.grad[0].abs().max() > 0


def test_targets_cost_the_square_when_near_and_the_difference_when_far() -> None:
    values, target = torch.tensor([[0.5, 3.0], [0.0, 0.0]]), torch.zeros(2, 2)
    assert semantic_targets(values, target).tolist() == pytest.approx([(0.125 + 2.5) / 2, 0.0])


def test_gradients_are_right() -> None:
    classes, masks = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 3, 2, 2, dtype=torch.float64)
    values = torch.tensor([[0.3, -2.0], [0.7, 4.0]], dtype=torch.float64)
    mask = torch.tensor([[[0, 255], [2, 1]], [[255, 255], [255, 255]]])
    assert torch.autograd.gradcheck(lambda x: semantic_classes(x, torch.tensor([2, 0])), (classes.requires_grad_(),))
    assert torch.autograd.gradcheck(lambda x: semantic_masks(x, mask), (masks.requires_grad_(),))
    assert torch.autograd.gradcheck(
        lambda x: semantic_targets(x, torch.zeros(2, 2, dtype=torch.float64)), (values.requires_grad_(),)
    )


@pytest.mark.parametrize(
    ("kind", "outputs", "target"),
    [
        ("class", (4, 3), (1,)),
        ("class", (4, 3), (4, 1)),
        ("mask", (2, 3, 4, 4), (1, 4, 4)),
        ("mask", (2, 3, 4, 4), (2, 1, 4, 4)),
        ("targets", (4, 2), (1, 2)),
        ("targets", (4, 2), (4, 1)),
        ("targets", (4,), (4,)),
    ],
)
def test_shapes_that_would_broadcast_are_refused(
    kind: LabelKind, outputs: tuple[int, ...], target: tuple[int, ...]
) -> None:
    labels = torch.zeros(target) if kind == "targets" else torch.zeros(target, dtype=torch.int64)
    with pytest.raises(ValueError, match="found"):
        Semantic(kind)(torch.zeros(outputs), labels)


def test_the_module_takes_the_loss_of_its_kind() -> None:
    classes, masks, values = torch.randn(2, 3), torch.randn(2, 3, 2, 2), torch.randn(2, 3)
    index, mask, target = torch.tensor([0, 2]), torch.full((2, 2, 2), 9), torch.randn(2, 3)
    mask[0, 0, 0] = 1
    assert torch.equal(Semantic("class")(classes, index), semantic_classes(classes, index))
    assert torch.equal(Semantic("mask", ignore_index=9)(masks, mask), semantic_masks(masks, mask, ignore_index=9))
    assert torch.equal(Semantic("targets")(values, target), semantic_targets(values, target))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="boxes"):
        Semantic(cast(LabelKind, "boxes"))(torch.zeros(1, 2), torch.zeros(1, 2))


@pytest.mark.parametrize(("kind", "shape", "labels"), [("class", (2, 3), (2,)), ("mask", (2, 3, 4, 4), (2, 4, 4))])
def test_pseudo_labels_are_the_likeliest_class(
    kind: LabelKind, shape: tuple[int, ...], labels: tuple[int, ...]
) -> None:
    outputs = torch.zeros(shape)
    outputs[:, 1] = 1.0
    assert torch.equal(pseudo_labels(outputs, kind), torch.ones(labels, dtype=torch.int64))


def test_pseudo_labels_of_values_are_the_values_without_gradient() -> None:
    values = torch.randn(2, 3, requires_grad=True)
    labels = pseudo_labels(values, "targets")
    assert torch.equal(labels, values)
    assert not labels.requires_grad


def test_half_precision_outputs_are_compared_in_full_precision() -> None:
    logits = torch.zeros(2, 3, dtype=torch.bfloat16)
    assert semantic_classes(logits, torch.tensor([0, 1])).dtype == torch.float32
    assert semantic_targets(logits, logits).dtype == torch.float32


def test_maps_of_a_detector_are_no_labels() -> None:
    with pytest.raises(ValueError, match="no targets of a semantic loss"):
        pseudo_labels(torch.zeros(1, 6, 4, 4), "objects")
