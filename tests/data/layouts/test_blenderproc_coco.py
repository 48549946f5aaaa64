"""BlenderProc's COCO writer is read by the layout `coco`."""

from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from refine.data.layouts import Coco
from refine.data.open_layout import choose, recognized
from tests.data.layouts.edits import there
from tests.data.layouts.examples.blenderproc import contents
from tests.data.layouts.examples.blenderproc_coco import write_blenderproc_coco


@pytest.mark.parametrize("folder", ["", "coco_data"])
def test_the_coco_writers_folder_is_read_and_no_other_specific_layout_fits(tmp_path: Path, folder: str) -> None:
    root = write_blenderproc_coco(tmp_path) / folder
    assert choose(root).layout is Coco
    assert [found.layout for found in recognized(root) if found.layout.specific] == [Coco]
    layout = Coco(root)
    assert layout.faults == []
    assert layout.label_space.names == ("Suzanne", "Cube")
    prefix = "" if folder else "coco_data/"
    assert [record.key for record in layout.records()] == [f"{prefix}images/{number:06d}.jpg" for number in (0, 1)]
    objects = there(layout.annotation(layout.records()[1]).objects)
    assert objects.classes.tolist() == [0, 1, 1]
    assert objects.boxes.tolist() == [[10, 4, 16, 12], [9, 14, 15, 20], [22, 2, 28, 6]]
    for mask, instance in zip(there(objects.masks).as_subclass(Tensor), (1, 2, 3), strict=True):
        assert np.array_equal(mask.numpy(), contents(1)["instance_segmaps"] == instance)
