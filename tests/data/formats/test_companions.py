from pathlib import Path

import pytest

from refine.data.formats.companions import companions, in_label_folder
from refine.data.listing import Listing


def test_images_in_folders_of_labels_belong_to_those_of_their_name_in_the_nearest_folder(tmp_path: Path) -> None:
    keys = ["train/1.jpg", "val/1.jpg", "masks/train/1.png", "train/depth/1.png", "masks/2.png", "train/other/1.png"]
    for key in keys:
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).touch()
    found = companions(["train/1.jpg", "val/1.jpg"], Listing(tmp_path))
    assert found == {"train/1.jpg": (tmp_path / "masks/train/1.png", tmp_path / "train/depth/1.png")}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("masks/a.png", True),
        ("a/Depth_16/b.png", True),
        ("mask.png", False),
        ("forwardFlow/a.png", True),
        ("flowers/a.png", False),
        ("unlabeled2017/a.png", False),
    ],
)
def test_only_folders_say_what_is_in_them(key: str, expected: bool) -> None:
    assert in_label_folder(key) is expected
