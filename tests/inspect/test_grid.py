import numpy as np
import pytest

from refine.inspect import grid
from refine.inspect.grid import REGIONS, Shares, box_shares, by_region, count_cells, pixel_shares


def test_pixels_are_counted_in_their_cell_and_void_is_in_none_of_the_shares() -> None:
    mask = np.zeros((12, 18), dtype=np.int64)
    mask[0, :3] = 1
    mask[-2:, -3:] = 255
    counts = count_cells(mask, 2)
    assert counts.sum() == mask.size
    assert counts[1, 0, 0] == 3
    assert counts[2, 5, 5] == 6
    shares = pixel_shares(counts)
    assert shares.shape == (2, 6, 6)
    assert (shares[1, 0, 0], shares[0, 0, 0], shares[0, 5, 5]) == (0.5, 0.5, 0.0)


def test_an_image_smaller_than_the_grid_has_shares_too() -> None:
    assert np.isfinite(pixel_shares(count_cells(np.zeros((2, 3), dtype=np.int64), 1))).all()


def test_boxes_cover_cells_in_part_and_twice_counts_once() -> None:
    boxes = np.array([[0, 0, 15, 10], [0, 0, 10, 10], [50, 50, 90, 90]], dtype=np.float64)
    shares = box_shares(boxes, [0, 0, 1], (60, 60), 2)
    assert shares[0, 0].tolist() == [1, 0.5, 0, 0, 0, 0]
    assert shares[1, 5].tolist() == [0, 0, 0, 0, 0, 1]
    assert shares[1].sum() == 1


def test_boxes_that_overlap_in_part_cover_what_they_cover_together() -> None:
    boxes = np.array([[-5, 0, 5, 10], [2, 0, 7, 5], [2, 0, 7, 5], [30, 30, 30, 40]], dtype=np.float64)
    shares = box_shares(boxes, [0] * 4, (60, 60), 2)
    assert shares[0, 0, 0] == pytest.approx(0.5 + 0.2 * 0.5)
    assert shares.sum() == shares[0, 0, 0]
    assert box_shares(np.zeros((0, 4)), [], (60, 60), 2).sum() == 0


def test_regions_are_the_means_of_their_cells() -> None:
    cells = np.zeros((1, 6, 6))
    cells[0, :2] = 0.6
    regions = dict(zip(REGIONS, by_region(cells)[0], strict=True))
    assert regions["the top third"] == pytest.approx(0.6)
    assert regions["the image"] == pytest.approx(0.2)
    assert regions["the left third"] == pytest.approx(0.2)
    assert regions["the top right"] == pytest.approx(0.6)
    assert regions["the bottom third"] == 0


def test_a_column_is_not_a_row() -> None:
    cells = np.zeros((1, 6, 6))
    cells[0, :, 4:] = 1
    regions = dict(zip(REGIONS, by_region(cells)[0], strict=True))
    assert (regions["the right third"], regions["the bottom right"], regions["the bottom left"]) == (1, 1, 0)


def test_the_sample_stays_small_and_is_spread_over_all_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "SAMPLE", 50)
    shares = Shares(["a"])
    for number in range(1000):
        shares.add(np.full((1, 6, 6), number / 1000))
    assert shares.images == 1000
    assert shares.cells()[0, 0, 0] == pytest.approx(0.4995)
    assert len(shares.sample()) == 50
    assert 0.35 < shares.sample().mean() < 0.65


def test_names_are_selected_whatever_their_case() -> None:
    shares = Shares(["Road", "sky"])
    shares.add(np.stack([np.full((6, 6), 0.1), np.full((6, 6), 0.9)]))
    picked = shares.select(["SKY", "road"])
    assert picked.means()[:, 0].tolist() == pytest.approx([0.9, 0.1])
    assert picked.sample()[0, :, 0].tolist() == pytest.approx([0.9, 0.1])
