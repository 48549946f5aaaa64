from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from refine.data.open_layout import open_layout
from refine.errors import InputError
from refine.tuning.measure import BATCH, batches, choose_images, open_judged
from tests.conftest import WriteImages
from tests.data.layouts.examples.yolo import write_yolo


def test_images_are_spread_over_the_keys(tmp_path: Path, write_images: WriteImages) -> None:
    layout = open_layout("auto", write_images(tmp_path / "data", count=10))
    few = choose_images(layout, 4, 2).records
    assert [record.key for record in few] == ["a/a-000.png", "a/a-005.png", "b/b-000.png", "b/b-005.png"]
    assert choose_images(layout, 500, 2).records == layout.records()
    with pytest.raises(InputError, match="data: found 20 images that fit the flags, expected 21 or more"):
        choose_images(layout, 500, 21)


def test_of_class_folders_those_are_taken_that_the_judges_know(tmp_path: Path, write_images: WriteImages) -> None:
    root = write_images(tmp_path / "data", classes=("a", "b", "none"))
    layout = open_judged(root, "auto", None, ("b", "a"))
    assert layout.label_space.names == ("b", "a")
    assert len(layout.records()) == 12
    assert open_judged(root, "auto", None, ("x",)).label_space.names == ("a", "b", "none")  # for `require` to refuse


def test_batches_hold_images_of_one_size_in_order(tmp_path: Path, write_images: WriteImages) -> None:
    root = write_images(tmp_path / "data", classes=("a",), count=BATCH + 2)
    write_images(root, classes=("z",), count=3, size=(24, 16))
    images = choose_images(open_layout("auto", root), 500, 2)
    found = list(batches(images, 3, (32, 32), labeled=True))
    assert [tuple(levels.shape) for levels, _ in found] == [(BATCH, 3, 32, 32), (2, 3, 32, 32), (3, 3, 24, 16)]
    assert torch.cat([labels for _, labels in found]).tolist() == [0] * (BATCH + 2) + [1] * 3
    assert images.median_size() == (32, 32)


def test_masks_and_boxes_come_at_the_common_size(tmp_path: Path) -> None:
    root = tmp_path / "roads"
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    (root / "classes.txt").write_text("road\nsky\n")
    mask = np.zeros((16, 32), np.uint8)
    mask[:, 16:] = 1
    Image.fromarray(np.zeros((16, 32, 3), np.uint8)).save(root / "images" / "0.png")
    Image.fromarray(mask).save(root / "masks" / "0.png")
    layout = open_layout("mask-folders", root)
    ((levels, labels),) = batches(choose_images(layout, 1, 1), 3, (8, 8), labeled=True)
    assert tuple(levels.shape) == (1, 3, 16, 32)
    assert labels[0].tolist() == [[0] * 4 + [1] * 4] * 8

    yolo = open_layout("auto", write_yolo(tmp_path / "yolo"))
    record = yolo.records()[0]
    height, width = yolo.size(record)
    own = next(batches(choose_images(yolo, 1, 1), 3, (height, width), labeled=True))[1][0]
    wide = next(batches(choose_images(yolo, 1, 1), 3, (2 * height, 3 * width), labeled=True))[1][0]
    real = own[:, 0] >= 0
    assert real.any()
    assert torch.allclose(wide[real], own[real] * torch.tensor([1.0, 3.0, 2.0, 3.0, 2.0]))
    assert torch.equal(wide[~real], own[~real])
