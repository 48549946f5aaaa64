from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from refine.data.layouts import Synthia
from refine.data.open_layout import choose
from refine.errors import InputError
from tests.data.layouts.edits import there
from tests.data.layouts.examples.street import HEIGHT, WIDTH, things
from tests.data.layouts.examples.synthia import centimeters, classes_of, write_synthia, write_wide_png


def test_auto_takes_it_for_synthia(tmp_path: Path) -> None:
    choice = choose(write_synthia(tmp_path / "RAND_CITYSCAPES"))
    assert choice.layout is Synthia
    assert "GT/LABELS/0000000.png" in choice.why
    assert choose(tmp_path).layout is Synthia


def test_a_record_has_its_class_map_first_and_all_that_belongs_to_it(tmp_path: Path) -> None:
    layout = Synthia(write_synthia(tmp_path))
    assert layout.faults == []
    assert [record.key for record in layout.records()] == [f"RGB/000000{number}.png" for number in range(3)]
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
    path = write_synthia(tmp_path) / "GT/LABELS/0000000.png"
    write_wide_png(path, np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint16))
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


def test_an_image_without_its_map_and_a_map_without_its_image_are_faults(tmp_path: Path) -> None:
    write_synthia(tmp_path)
    (tmp_path / "GT/LABELS/0000000.png").unlink()
    (tmp_path / "RGB/0000002.png").unlink()
    layout = Synthia(tmp_path)
    assert any(str(tmp_path / "RGB/0000000.png") in fault and "without a" in fault for fault in layout.faults)
    assert any(str(tmp_path / "GT/LABELS/0000002.png") in fault and "without an" in fault for fault in layout.faults)
    assert [record.key for record in layout.records()] == ["RGB/0000000.png", "RGB/0000001.png"]


@pytest.mark.parametrize("folder", ["GT/LABELS", "Depth"])
def test_a_map_of_another_size_is_refused(tmp_path: Path, folder: str) -> None:
    path = write_synthia(tmp_path) / folder / "0000000.png"
    write_wide_png(path, np.ones((20, WIDTH, 3), dtype=np.uint16))
    layout = Synthia(tmp_path)
    with pytest.raises(InputError, match=f"{path}: 20x48"):
        layout.annotation(layout.records()[0])


def test_an_id_that_there_is_not_is_refused(tmp_path: Path) -> None:
    path = write_synthia(tmp_path) / "GT/LABELS/0000000.png"
    write_wide_png(path, np.full((HEIGHT, WIDTH, 3), 23, dtype=np.uint16))
    layout = Synthia(tmp_path)
    with pytest.raises(InputError, match=rf"{path}: id 23 in 1152 pixels is none of synthia's \(0 to 22\)"):
        layout.annotation(layout.records()[0])


@pytest.mark.parametrize("folder", ["GT/LABELS", "Depth"])
def test_a_map_that_was_saved_anew_with_8_bits_is_refused(tmp_path: Path, folder: str) -> None:
    path = write_synthia(tmp_path) / folder / "0000000.png"
    with Image.open(path) as image:
        image.convert("RGB").save(path)
    layout = Synthia(tmp_path)
    with pytest.raises(InputError, match=f"{path}: PNG of mode RGB, but .* 16 bits each"):
        layout.annotation(layout.records()[0])


def test_the_other_subsets_of_synthia_are_none(tmp_path: Path) -> None:
    (tmp_path / "RGB/Stereo_Left/Omni_F").mkdir(parents=True)
    Image.new("RGB", (24, 24)).save(tmp_path / "RGB/Stereo_Left/Omni_F/000000.png")
    with pytest.raises(InputError, match=r"no RGB/0000000\.png"):
        Synthia(tmp_path)
