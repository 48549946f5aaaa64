import torch
from torch import Tensor
from torchvision.tv_tensors import KeyPoints

from refine.data.moves import Move, moved_points, swapped


def unchanged(tensor: Tensor) -> Tensor:
    return tensor


def kept(tensor: Tensor, _: float) -> Tensor:
    return tensor


def test_points_are_moved_in_double_precision_and_come_back_plain_in_their_own_type() -> None:
    seen = []

    def shifted(points: Tensor) -> Tensor:
        seen.append(points.dtype)
        return points + torch.tensor([10.0, -1.0])

    move = Move((8, 8), unchanged, kept, kept, shifted)
    points = KeyPoints(torch.tensor([[1.0, 2.0]]), canvas_size=(8, 8))
    found = moved_points(points, move)
    assert type(found) is Tensor
    assert found.dtype == torch.float32
    assert found.tolist() == [[11, 1]]
    assert points.tolist() == [[1, 2]]
    assert seen == [torch.float64]


def test_a_move_changes_no_direction_and_cuts_nothing_unless_it_says_so() -> None:
    move = Move((8, 8), unchanged, kept, kept, unchanged)
    assert (move.gaze, move.targets, move.swaps, move.cuts) == (None, None, (), False)


def test_pairs_change_places_and_all_others_stay() -> None:
    assert swapped([(0, 3), (1, 2)], 5) == [3, 2, 1, 0, 4]
    assert swapped([], 3) == [0, 1, 2]
    assert swapped([(1, 1)], 2) == [0, 1]


def test_swapped_twice_is_as_before() -> None:
    order = swapped([(0, 2), (1, 4)], 5)
    assert [order[place] for place in order] == list(range(5))
