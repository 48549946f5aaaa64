from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from refine.data.layouts import CamVid
from refine.data.listing import Listing
from refine.data.open_layout import choose
from refine.errors import InputError
from tests.conftest import SHARED, needs_shared
from tests.data.layouts.edits import there
from tests.data.layouts.examples.camvid import NAMES32, write_camvid, write_camvid_original
from tests.data.layouts.examples.scenes import HEIGHT, NOTHING, WIDTH, street


def test_segnets_masks_are_its_11_classes_and_void_is_none(tmp_path: Path) -> None:
    layout = CamVid(write_camvid(tmp_path))
    assert layout.faults == []
    keys = [record.key for record in layout.records()]
    names = ["test/Seq05VD_f00000", "train/0001TP_006690", "train/0006R0_f00930", "val/0016E5_07959"]
    assert keys == [f"{name}.png" for name in names]
    record = layout.records()[1]
    assert record.label_files == (tmp_path / "trainannot/0001TP_006690.png",)
    mask = there(layout.annotation(record).mask)
    assert mask.dtype == torch.int64
    wanted = np.array([0, 5, 3, 3, 8, 255])[street()]
    assert mask.tolist() == wanted.tolist()
    assert layout.label_space.names[:4] == ("sky", "building", "pole", "road")
    assert len(layout.label_space.names) == 11


def test_the_original_masks_are_told_by_their_colors(tmp_path: Path) -> None:
    layout = CamVid(write_camvid_original(tmp_path))
    assert layout.faults == []
    record = layout.records()[0]
    assert record.key == "701_StillsRaw_full/0001TP_006690.png"
    assert record.label_files == (tmp_path / "LabeledApproved_full/0001TP_006690_L.png",)
    names = layout.label_space.names
    assert len(names) == 31
    wanted = np.array([255 if name == "Void" else names.index(name) for name in NAMES32])[street()]
    assert layout.label(record).tolist() == wanted.tolist()


@pytest.mark.parametrize("write", [write_camvid, write_camvid_original])
def test_both_are_recognized_where_they_lie_and_from_a_folder_above(tmp_path: Path, write: object) -> None:
    assert callable(write)
    write(tmp_path / "CamVid")
    assert choose(tmp_path / "CamVid").layout is CamVid
    assert choose(tmp_path).layout is CamVid
    assert CamVid(tmp_path).records()[0].key.startswith("CamVid/")


def test_folders_of_splits_alone_are_not_camvid(tmp_path: Path) -> None:
    write_camvid(tmp_path)
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}annot").rename(tmp_path / f"{split}masks")
    assert CamVid.recognize(Listing(tmp_path)) is None
    with pytest.raises(InputError, match=r"expected CamVid as train/ and trainannot/, .*, found neither; give the"):
        CamVid(tmp_path)


def test_both_arrangements_in_one_folder_are_refused_as_their_classes_differ(tmp_path: Path) -> None:
    write_camvid_original(write_camvid(tmp_path))
    with pytest.raises(InputError, match="found both; give the folder that holds one of them"):
        CamVid(tmp_path)


def test_an_image_without_its_mask_is_named_and_stays(tmp_path: Path) -> None:
    missing = write_camvid(tmp_path) / "valannot/0016E5_07959.png"
    missing.unlink()
    layout = CamVid(tmp_path)
    assert layout.faults == [f"{tmp_path}/val/0016E5_07959.png: an image without a mask; add {missing}"]
    record = layout.records()[-1]
    assert record.label_files == ()
    assert layout.annotation(record).mask is None


def test_a_missing_original_mask_is_named_with_its_ending(tmp_path: Path) -> None:
    missing = write_camvid_original(tmp_path) / "LabeledApproved_full/0006R0_f00930_L.png"
    missing.unlink()
    (fault,) = CamVid(tmp_path).faults
    assert fault.endswith(f"add {missing}")


def test_a_mask_without_its_image_is_named(tmp_path: Path) -> None:
    (write_camvid(tmp_path) / "test/Seq05VD_f00000.png").unlink()
    (fault,) = CamVid(tmp_path).faults
    assert fault.startswith(f"{tmp_path}/testannot/Seq05VD_f00000.png: a label without an image")


def test_a_mask_of_another_size_is_named(tmp_path: Path) -> None:
    path = write_camvid(tmp_path) / "testannot/Seq05VD_f00000.png"
    Image.new("L", (WIDTH, HEIGHT + 1)).save(path)
    layout = CamVid(tmp_path)
    with pytest.raises(InputError, match=r"testannot/Seq05VD_f00000\.png: 25x32 .* is 24x32"):
        layout.annotation(layout.records()[0])


def test_an_id_above_void_is_named(tmp_path: Path) -> None:
    path = write_camvid(tmp_path) / "testannot/Seq05VD_f00000.png"
    Image.fromarray(np.where(street() == NOTHING, 12, 0).astype(np.uint8)).save(path)
    layout = CamVid(tmp_path)
    with pytest.raises(InputError, match=r"Seq05VD_f00000\.png: id 12 in 32 pixels is none of camvid11's \(0 to 11\)"):
        layout.annotation(layout.records()[0])


def test_a_color_between_two_classes_is_named(tmp_path: Path) -> None:
    path = write_camvid_original(tmp_path) / "LabeledApproved_full/0001TP_006690_L.png"
    with Image.open(path) as image:
        small = image.resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.BILINEAR)
    small.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR).save(path)
    layout = CamVid(tmp_path)
    with pytest.raises(InputError, match=r"0001TP_006690_L\.png: color \(.* is none of camvid32's"):
        layout.annotation(layout.records()[0])


@needs_shared
def test_the_real_frames_hold_all_11_classes_and_void() -> None:
    root = SHARED / "data/carla_camvid/camvid"
    assert choose(root).layout is CamVid
    layout = CamVid(root)
    assert layout.faults == []
    assert len(layout.records()) == 74
    found: set[int] = set()
    for record in layout.records()[::4]:
        mask = there(layout.annotation(record).mask)
        assert mask.shape == (360, 480)
        found |= set(mask.unique().tolist())
    assert found == {*range(11), 255}
