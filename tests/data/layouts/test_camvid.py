from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.data.layouts import CamVid
from refine.data.listing import Listing
from refine.data.open_layout import choose_layout
from refine.errors import InputError
from tests.conftest import SHARED, needs_shared
from tests.data.layouts.contract import LayoutContract, cropped, pixel, removed
from tests.data.layouts.edits import there
from tests.data.layouts.examples.camvid import NAMES32, write_camvid, write_camvid_original
from tests.data.layouts.examples.scenes import HEIGHT, WIDTH, street


class TestContract(LayoutContract):
    layout, write = CamVid, staticmethod(write_camvid)
    faults = (
        (
            removed("valannot/0016E5_07959.png"),
            r"val/0016E5_07959\.png: an image without a mask; add .*valannot/0016",
        ),
        (removed("test/Seq05VD_f00000.png"), r"testannot/Seq05VD_f00000\.png: a label without an image"),
    )
    errors = (
        (cropped("testannot/Seq05VD_f00000.png", 25, 32), r"testannot/Seq05VD_f00000\.png: 25x32 .* is 24x32"),
        (pixel("testannot/Seq05VD_f00000.png", 12), r"00\.png: id 12 in 1 pixels is none of camvid11's \(0 to 11\)"),
    )


class TestOriginal(LayoutContract):
    layout, write = CamVid, staticmethod(write_camvid_original)
    faults = (
        (removed("LabeledApproved_full/0006R0_f00930_L.png"), r"add .*/LabeledApproved_full/0006R0_f00930_L\.png$"),
    )


def test_segnets_masks_are_its_11_classes_and_void_is_none(tmp_path: Path) -> None:
    layout = CamVid(write_camvid(tmp_path))
    keys = [record.key for record in layout.records()]
    names = ["test/Seq05VD_f00000", "train/0001TP_006690", "train/0006R0_f00930", "val/0016E5_07959"]
    assert keys == [f"{name}.png" for name in names]
    record = layout.records()[1]
    assert record.label_files == (tmp_path / "trainannot/0001TP_006690.png",)
    mask = there(layout.annotation(record).mask)
    wanted = np.array([0, 5, 3, 3, 8, 255])[street()]
    assert mask.tolist() == wanted.tolist()
    assert layout.label_space.names[:4] == ("sky", "building", "pole", "road")
    assert len(layout.label_space.names) == 11


def test_the_original_masks_are_told_by_their_colors(tmp_path: Path) -> None:
    layout = CamVid(write_camvid_original(tmp_path))
    record = layout.records()[0]
    assert record.key == "701_StillsRaw_full/0001TP_006690.png"
    assert record.label_files == (tmp_path / "LabeledApproved_full/0001TP_006690_L.png",)
    names = layout.label_space.names
    assert len(names) == 31
    wanted = np.array([255 if name == "Void" else names.index(name) for name in NAMES32])[street()]
    assert layout.label(record).tolist() == wanted.tolist()


@pytest.mark.parametrize("write", [write_camvid, write_camvid_original])
def test_both_are_recognized_from_a_folder_above(tmp_path: Path, write: object) -> None:
    assert callable(write)
    write(tmp_path / "CamVid")
    assert choose_layout(tmp_path).layout is CamVid
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
    assert choose_layout(root).layout is CamVid
    layout = CamVid(root)
    assert layout.faults == []
    assert len(layout.records()) == 74
    found: set[int] = set()
    for record in layout.records()[::4]:
        mask = there(layout.annotation(record).mask)
        assert mask.shape == (360, 480)
        found |= set(mask.unique().tolist())
    assert found == {*range(11), 255}
