from pathlib import Path

import torch

from refine.data.batches import image_batches
from refine.data.images import read_image, resize_levels, to_float
from refine.data.layouts import ImageFolder
from tests.conftest import WriteImages


def test_batches_hold_every_image_once_in_order(tmp_path: Path, write_images: WriteImages) -> None:
    layout = ImageFolder(write_images(tmp_path, count=5))
    records = layout.records()
    found = list(image_batches(layout, records, 3, (16, 16), batch_size=4))
    assert [len(images) for images in found] == [4, 4, 2]
    expected = to_float(resize_levels(read_image(records[9].image, 3), (16, 16)))
    assert torch.equal(found[2][1], expected)
