"""Labels held against labels."""

import torch

from refine.audit.label_difference import label_difference
from refine.labels import LabelKind
from tests.audit.test_harm import NAMES, case


def test_difference_of_labels_is_symmetric_and_zero_to_itself() -> None:
    kinds: tuple[LabelKind, ...] = ("class", "mask", "targets", "objects")
    for kind in kinds:
        apart = label_difference(kind, case(kind).labels, NAMES[kind], (48, 48))
        assert torch.equal(apart, apart.T)
        assert float(apart.diagonal().abs().max()) < 1e-6
        assert float(apart.max()) > 0


def test_difference_of_masks_is_the_share_of_other_pixels_and_of_areas_one_less_their_overlap() -> None:
    masks = torch.zeros(3, 32, 32, dtype=torch.int64)
    masks[1, :8], masks[2, :, :16] = 1, 255
    apart = label_difference("mask", masks, ("a", "b"), (32, 32))
    assert apart[0].tolist() == [0.0, 0.25, 0.0]
    assert apart[1].tolist() == [0.25, 0.0, 0.25]
    boxes = torch.tensor([[[0.0, 0, 0, 32, 16]], [[0.0, 0, 0, 32, 32]], [[1.0, 0, 0, 32, 32]], [[-1.0] * 5]])
    assert label_difference("objects", boxes, ("a", "b"), (32, 32))[0].tolist() == [0.0, 0.5, 1.0, 1.0]
