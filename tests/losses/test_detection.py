import pytest
import torch
from torchvision.ops import generalized_box_iou

from refine.losses.detection import bumps, center_focal, detection_loss, generalized_iou

NOTHING = [-1.0] * 5


def test_a_bump_is_one_at_the_center_and_as_wide_and_high_as_its_object() -> None:
    label = torch.tensor([[[1.0, 4.0, 8.0, 36.0, 24.0], NOTHING]])
    found = bumps(label, height=8, width=12, stride=4)
    assert found.shape == (1, 2, 8, 12)
    assert (found[0, 0] == 1).nonzero().tolist() == [[4, 5]]
    assert float(found[0, 0, 4, 6]) == pytest.approx(torch.tensor(-0.5 / (8 * 0.09) ** 2).exp().item())
    assert float(found[0, 0, 5, 5]) == pytest.approx(torch.tensor(-0.5 / (4 * 0.09) ** 2).exp().item())
    assert not found[0, 1].any()


def test_a_center_at_the_border_stays_inside() -> None:
    assert (bumps(torch.tensor([[[0.0, 20.0, 0.0, 28.0, 1.0]]]), 6, 6, 4)[0, 0] == 1).nonzero().tolist() == [[0, 5]]


def test_the_focal_loss_is_that_of_the_paper() -> None:
    logits = torch.tensor([[[[0.0, 2.0, -1.0]]]])
    wanted = torch.tensor([[[[1.0, 0.5, 0.0]]]])
    a, b, c = torch.sigmoid(logits).flatten().tolist()
    log = torch.tensor([a, 1 - b, 1 - c]).log().tolist()
    expected = -((1 - a) ** 2 * log[0] + 0.5**4 * b**2 * log[1] + c**2 * log[2])
    assert center_focal(logits, wanted).tolist() == pytest.approx([expected])


def test_generalized_iou_is_torchvisions() -> None:
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(2, 50, 2, generator=generator) * 10 - 5
    boxes = torch.cat([corners, corners + 0.1 + torch.rand(2, 50, 2, generator=generator) * 8], dim=2)
    from_zero = boxes * torch.tensor([-1.0, -1.0, 1.0, 1.0])  # some do not hold the point
    expected = generalized_box_iou(boxes[0], boxes[1]).diagonal()
    assert expected.min() < 0 < expected.max()
    assert torch.allclose(generalized_iou(from_zero[0], from_zero[1]), expected, atol=1e-5)


def outputs_for(label: torch.Tensor, classes: int, cells: int) -> torch.Tensor:
    """What a detector that knows the single box of each image would say."""
    outputs = torch.zeros(len(label), classes + 4, cells, cells)
    outputs[:, :classes] = -12.0
    middles = (torch.arange(cells) + 0.5) * 4
    for number, (kind, left, top, right, bottom) in enumerate(label[:, 0].tolist()):
        outputs[number, int(kind), int((top + bottom) / 8), int((left + right) / 8)] = 12.0
        sides = (middles - left, middles - top, right - middles, bottom - middles)
        for side, values in enumerate(sides):
            outputs[number, classes + side] = values[:, None].expand(-1, cells) if side % 2 else values
    return outputs


def test_who_knows_all_boxes_loses_nothing_and_every_mistake_costs() -> None:
    label = torch.tensor([[[0.0, 4, 8, 24, 30], NOTHING], [[2.0, 10, 10, 20, 31], NOTHING]])
    right = outputs_for(label, classes=3, cells=8)
    assert detection_loss(right, label, 4).item() == pytest.approx(0.0, abs=1e-3)
    for index in (0, 2, 3, 6):
        wrong = right.clone()
        wrong[:, index] += 14.0
        assert detection_loss(wrong, label, 4) > 0.3, index


def test_the_smaller_of_two_objects_has_the_cells_where_they_meet() -> None:
    large, small = [0.0, 0, 0, 32, 32], [1.0, 12, 12, 20, 20]
    both = torch.tensor([[large, small]])
    told = outputs_for(torch.tensor([[small]]), classes=2, cells=8)
    with_large = outputs_for(torch.tensor([[large]]), classes=2, cells=8)
    told[:, :2] = with_large[:, :2] = 0.0
    fits = detection_loss(told, both, 4)
    told[0, 2:, 4, 4] = with_large[0, 2:, 4, 4]  # the cell of both centers
    assert detection_loss(told, both, 4) > fits + 1.0


def test_without_objects_only_false_centers_cost() -> None:
    outputs = torch.zeros(2, 6, 4, 4, requires_grad=True)
    loss = detection_loss(outputs, torch.full((2, 3, 5), -1.0), 4)
    (gradient,) = torch.autograd.grad(loss, outputs)
    assert (gradient[:, :2] > 0).all()
    assert not gradient[:, 2:].any()


def test_more_padding_changes_nothing() -> None:
    label, outputs = torch.tensor([[[0.0, 4, 8, 24, 30]]]), torch.rand(1, 6, 8, 8)
    padded = torch.cat([label, torch.full((1, 99, 5), -1.0)], dim=1)
    assert torch.equal(detection_loss(outputs, label, 4), detection_loss(outputs, padded, 4))


def test_a_gap_among_the_objects_hides_none_behind_it() -> None:
    label, outputs = torch.tensor([[[0.0, 4, 8, 14, 20], [1.0, 16, 16, 30, 30]]]), torch.rand(1, 6, 8, 8)
    gap = torch.cat([label[:, :1], torch.full((1, 2, 5), -1.0), label[:, 1:]], dim=1)
    assert torch.equal(detection_loss(outputs, label, 4), detection_loss(outputs, gap, 4))


def test_gradients_are_those_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    outputs = torch.rand(1, 6, 4, 4, generator=generator, dtype=torch.float64) * 3 + 2
    label = torch.tensor([[[0.0, 1, 2, 9, 12], [1.0, 6, 6, 15, 15]]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda values: detection_loss(values, label, 4), outputs.requires_grad_())


def test_half_precision_is_summed_in_full() -> None:
    label = torch.tensor([[[0.0, 4, 8, 24, 30]]])
    assert detection_loss(torch.rand(1, 6, 8, 8).bfloat16(), label, 4).dtype == torch.float32


def test_refuses_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"label \(B, M, 5\), found \(1, 6, 8, 8\), \(2, 3, 5\)"):
        detection_loss(torch.zeros(1, 6, 8, 8), torch.zeros(2, 3, 5), 4)


def test_the_loss_is_that_of_an_object_however_many_there_are() -> None:
    label, outputs = torch.tensor([[[0.0, 4, 8, 14, 20], [1.0, 16, 16, 30, 30]]]), torch.rand(1, 6, 8, 8) + 0.5
    once, twice = (
        detection_loss(outputs, label, 4),
        detection_loss(outputs.repeat(2, 1, 1, 1), label.repeat(2, 1, 1), 4),
    )
    assert twice.item() == pytest.approx(once.item(), rel=1e-5)
