import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.tv_tensors import KeyPoints

from refine.data.images import resize_levels
from refine.data.resampling import Move, Rotation, moved_points, pad_edge, resize_ids, resize_image, swapped
from tests.data.annotated import few


def test_ids_are_taken_at_the_centers_of_pixels_and_never_mixed() -> None:
    ids = torch.tensor([[0, 9, 0, 9, 4, 5]], dtype=torch.uint8)
    assert resize_ids(ids, (1, 2)).tolist() == [[9, 4]]
    assert resize_ids(ids, (2, 6)).tolist() == [[0, 9, 0, 9, 4, 5]] * 2


@few
@given(*[st.integers(1, 60)] * 4)
def test_ids_of_any_type_are_taken_where_torch_takes_those_of_uint8(
    rows: int, columns: int, high: int, wide: int
) -> None:
    ids = torch.arange(rows * columns).view(rows, columns) % 251
    expected = torch.nn.functional.interpolate(ids[None, None].byte(), size=(high, wide), mode="nearest-exact")[0, 0]
    for dtype in (torch.uint8, torch.int64, torch.float32):
        found = resize_ids(ids.to(dtype), (high, wide))
        assert found.dtype == dtype
        assert torch.equal(found, expected.to(dtype))
    assert torch.equal(resize_ids(ids[None] > 100, (high, wide))[0], expected > 100)


def test_large_ids_and_infinite_depth_stay_what_they_are() -> None:
    ids = torch.tensor([[(1 << 53) + 1, 3]])
    assert resize_ids(ids, (1, 4)).tolist() == [[(1 << 53) + 1] * 2 + [3] * 2]
    depth = torch.tensor([[torch.inf, 2.0, torch.inf]])
    assert resize_ids(depth, (2, 3)).tolist() == [[torch.inf, 2.0, torch.inf]] * 2


def test_images_of_levels_are_rounded_and_floats_are_not() -> None:
    image = torch.randint(0, 256, (3, 9, 14), dtype=torch.uint8)
    levels, floats = resize_image(image, (5, 8)), resize_image(image.float(), (5, 8))
    assert torch.equal(levels, resize_levels(image, (5, 8)))
    assert levels.dtype == torch.uint8
    assert not torch.equal(floats, floats.round())
    assert torch.equal(floats.round().byte(), levels)


def test_borders_are_copies_of_the_outermost_pixels() -> None:
    pixels = torch.tensor([[1, 2], [3, 4]])
    assert pad_edge(pixels, (0, 2, 1, 0)).tolist() == [[1, 2, 2]] * 3 + [[3, 4, 4]]
    assert pad_edge(pixels, (2, 0, 0, 1)).tolist() == [[1, 1, 1, 2]] + [[3, 3, 3, 4]] * 2


def test_a_turned_image_is_interpolated_and_repeats_its_border() -> None:
    ramp = torch.arange(21.0).expand(1, 21, 21)  # the level is the column
    turned = Rotation.of(30, (21, 21)).image(ramp)[0]
    assert float(turned[10, 10]) == pytest.approx(10, abs=1e-5)
    assert float(turned[10, 15]) == pytest.approx(10 + 5 * 3**0.5 / 2, abs=1e-5)  # it came from the right and below
    assert float(turned[5, 10]) == pytest.approx(10 + 2.5, abs=1e-5)
    assert float(turned[20, 0]) == 0.0
    assert float(turned[0, 20]) == 20.0
    assert torch.equal(Rotation.of(30, (21, 21)).image(ramp.byte())[0], turned.round().byte())


def test_what_comes_from_outside_is_filled_and_nothing_else_is() -> None:
    ids = torch.full((31, 31), 7)
    turned = Rotation.of(45, (31, 31)).ids(ids, 255)
    away = (torch.arange(31) - 15).abs()
    inside = away[:, None] + away < 15.5 * 2**0.5  # the square, standing on its tip
    assert torch.equal(turned, torch.where(inside, 7, 255))


def test_points_go_where_pixels_go() -> None:
    ids = torch.zeros(15, 25, dtype=torch.int64)
    ids[4, 17] = 1
    for degrees in (10, 90, 200, -35):
        turn = Rotation.of(degrees, (15, 25))
        x, y = turn.points(torch.tensor([17.5, 4.5], dtype=torch.float64)).tolist()
        back = Rotation.of(-degrees, (15, 25)).points(torch.tensor([x, y], dtype=torch.float64)).tolist()
        assert back == pytest.approx([17.5, 4.5])
        if (found := turn.ids(ids, 0).nonzero()).numel():
            assert (found[0] + 0.5).tolist() == pytest.approx([y, x], abs=0.8)


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


def test_pairs_change_places_and_all_others_stay() -> None:
    assert swapped([(0, 3), (1, 2)], 5) == [3, 2, 1, 0, 4]
    assert swapped([], 3) == [0, 1, 2]
    assert swapped([(1, 1)], 2) == [0, 1]
