from pathlib import Path

import numpy as np
import pytest
import torch

import refine.inspect.sample as module
from refine.data.layouts import ImageFolder
from refine.inspect.reading import Dataset, read_dataset
from refine.inspect.sample import common_size, sample
from tests.inspect.datasets import save


def levels(root: Path, *sizes: tuple[int, int]) -> Dataset:
    """Images of one level each, their number."""
    for number, size in enumerate(sizes):
        save(root / f"{number:03d}.png", np.full((*size, 3), number, np.uint8))
    return read_dataset(ImageFolder(root))


def test_the_size_is_the_lower_median_of_each_side_of_what_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"")
    assert common_size(levels(tmp_path, (10, 40), (20, 30), (30, 20), (40, 10))) == (20, 20)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((512, 100), (512, 100)), ((1024, 600), (512, 300)), ((3, 2048), (1, 512)), ((1, 4096), (1, 512))],
)
def test_large_images_are_reduced_in_proportion(tmp_path: Path, size: tuple[int, int], expected: object) -> None:
    assert common_size(levels(tmp_path, size)) == expected


def test_every_image_comes_once_in_an_order_that_stays(tmp_path: Path) -> None:
    dataset = levels(tmp_path, *[(4, 6)] * 80)
    whole = sample(dataset, 500, (4, 6))
    assert whole.shape == (80, 3, 4, 6)
    assert whole.dtype == torch.uint8
    order = whole[:, 0, 0, 0].tolist()
    assert sorted(order) == list(range(80))
    assert order != sorted(order)
    assert torch.equal(sample(dataset, 7, (4, 6)), whole[:7])  # a smaller sample is the larger one's beginning
    for image in whole:
        assert len(image.unique()) == 1


def test_images_that_cannot_be_read_are_left_out_and_all_get_one_size(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"")
    found = sample(levels(tmp_path, (4, 6), (8, 8), (3, 3)), 10, (5, 5))
    assert found.shape == (3, 3, 5, 5)
    assert sorted(found[:, 0, 2, 2].tolist()) == [0, 1, 2]


def test_memory_bounds_the_sample_but_two_images_are_always_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = levels(tmp_path, *[(4, 6)] * 5)
    monkeypatch.setattr(module, "MOST_BYTES", 3 * 4 * 6 * 3)
    assert len(sample(dataset, 500, (4, 6))) == 3
    assert len(sample(dataset, 500, (40, 60))) == 2
