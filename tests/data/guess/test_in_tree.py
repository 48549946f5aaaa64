from pathlib import Path

from PIL import Image

from refine.data.guess.in_tree import A_FOLDER, FOLDERS, label_in
from refine.data.listing import Listing


def save(path: Path, mode: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (4, 4)).save(path)


def test_pictures_alone_are_no_labels(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / "cat" / f"{number}.png", "RGB")
        save(tmp_path / "dog" / f"{number}.png", "RGB")
    (tmp_path / "cat" / "broken.png").write_bytes(b"no image")
    assert label_in(Listing(tmp_path)) is None


def test_a_mask_is_named_with_its_picture(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / "rgb" / f"f{number}.jpg", "RGB")
        save(tmp_path / "seg" / f"f{number}_seg.png", "P")
    found = label_in(Listing(tmp_path))
    assert found is not None
    assert (found.label, found.image) == ("seg/f0_seg.png", "rgb/f0.jpg")


def test_only_some_images_of_some_folders_are_opened(tmp_path: Path) -> None:
    for folder in range(FOLDERS + 2):
        for number in range(2):
            save(tmp_path / f"{folder:03d}" / f"{number}.png", "RGB")
    for number in range(A_FOLDER):
        save(tmp_path / "000" / f"{number}.png", "RGB")
    for number in range(4):  # beyond what is looked at
        save(tmp_path / "000" / f"z{number}.png", "RGB")
        save(tmp_path / "000" / f"z{number}_mask.png", "L")
    assert label_in(Listing(tmp_path)) is None
