from pathlib import Path

import numpy as np
import torch
from PIL import Image

from refine.data.layouts import Synthia
from refine.data.open_layout import choose_layout
from tests.data.layouts.contract import Change, LayoutContract, gone, painted, removed
from tests.data.layouts.edits import there
from tests.data.layouts.examples.street import HEIGHT, WIDTH, things
from tests.data.layouts.examples.synthia import centimeters, classes_of, write_synthia, write_wide_png


def wide(key: str, value: int, height: int = HEIGHT) -> Change:
    return lambda root: write_wide_png(root / key, np.full((height, WIDTH, 3), value, dtype=np.uint16))


class TestContract(LayoutContract):
    layout, write, why = Synthia, staticmethod(write_synthia), "GT/LABELS/0000000.png"
    keys = ("RGB/0000000.png", "RGB/0000001.png", "RGB/0000002.png")
    faults = (
        (removed("GT/LABELS/0000000.png"), r"/RGB/0000000\.png: an image without a mask"),
        (
            removed("RGB/0000002.png", "GT/COLOR/0000002.png", "Depth/0000002.png"),
            r"/GT/LABELS/0000002\.png: a label without",
        ),
    )
    errors = (
        (wide("GT/LABELS/0000000.png", 1, height=20), r"GT/LABELS/0000000\.png: 20x48"),
        (wide("Depth/0000000.png", 1, height=20), r"Depth/0000000\.png: 20x48"),
        (wide("GT/LABELS/0000000.png", 23), r"0000000\.png: id 23 in 1152 pixels is none of synthia's \(0 to 22\)"),
        (painted("GT/LABELS/0000000.png", 1, "RGB"), r"LABELS/0000000\.png: PNG of mode RGB, but .* 16 bits each"),
        (painted("Depth/0000000.png", 1, "RGB"), r"Depth/0000000\.png: PNG of mode RGB, but .* 16 bits each"),
    )
    refused = ((gone("RGB"), r"no RGB/0000000\.png"),)


def test_auto_takes_a_folder_above(tmp_path: Path) -> None:
    write_synthia(tmp_path / "RAND_CITYSCAPES")
    assert choose_layout(tmp_path).layout is Synthia


def test_a_record_has_its_class_map_first_and_all_that_belongs_to_it(tmp_path: Path) -> None:
    layout = Synthia(write_synthia(tmp_path))
    first, *rest = layout.records()[1].label_files
    assert first == tmp_path / "GT/LABELS/0000001.png"
    assert sorted(rest) == [tmp_path / "Depth/0000001.png", tmp_path / "GT/COLOR/0000001.png"]


def test_classes_and_instances_come_from_all_16_bits_of_their_channels(tmp_path: Path) -> None:
    layout = Synthia(write_synthia(tmp_path))
    found = layout.annotation(layout.records()[1])
    assert found.mask is not None
    assert found.instances is not None
    assert found.mask.dtype == found.instances.dtype == torch.int64
    assert found.mask.tolist() == (classes_of(1).astype(int) - 1).tolist()  # id 0 is void, and nowhere here
    assert layout.label_space.names[21] == "lanemarking"
    numbers = things(1).astype(int)
    assert found.instances.tolist() == np.where(numbers >= 1000, numbers // 10, 0).tolist()


def test_void_is_no_class(tmp_path: Path) -> None:
    wide("GT/LABELS/0000000.png", 0)(write_synthia(tmp_path))
    layout = Synthia(tmp_path)
    assert set(layout.label(layout.records()[0]).flatten().tolist()) == {255}


def test_depth_is_in_meters_and_infinite_in_the_sky(tmp_path: Path) -> None:
    layout = Synthia(write_synthia(tmp_path))
    depth = there(layout.annotation(layout.records()[0]).depth)
    assert depth.dtype == torch.float32
    stored = torch.from_numpy(centimeters(classes_of(0)).astype(np.int64))
    assert depth[stored == 65535].isinf().all()
    assert (stored == 65535).any()
    assert depth[-1, 0] == torch.tensor(4.07)
    assert ((depth * 100).round()[stored < 65535] == stored[stored < 65535]).all()


def test_without_depth_files_there_is_none(tmp_path: Path) -> None:
    (write_synthia(tmp_path) / "Depth/0000000.png").unlink()
    layout = Synthia(tmp_path)
    assert layout.annotation(layout.records()[0]).depth is None
    assert layout.annotation(layout.records()[1]).depth is not None


def test_maps_that_were_converted_are_labels_that_are_not_read(tmp_path: Path) -> None:
    write_synthia(tmp_path)
    converted = [tmp_path / "GT/LABELS/0000000_labelTrainIds.png", tmp_path / "parsed_LABELS/0000000.png"]
    for path in converted:
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (WIDTH, HEIGHT)).save(path)
    layout = Synthia(tmp_path)
    assert layout.faults == []
    record = layout.records()[0]
    assert record.label_files[0] == tmp_path / "GT/LABELS/0000000.png"
    assert set(converted) < set(record.label_files)
    (tmp_path / "GT/LABELS/0000000.png").unlink()
    assert Synthia(tmp_path).annotation(Synthia(tmp_path).records()[0]).mask is None
