from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.data.open_layout import open_layout
from refine.inspect.counts import side
from refine.inspect.reading import read_dataset
from refine.inspect.result import Side
from tests.inspect.datasets import mask_folders, noise, save


def counted(root: Path, mapping: str | None = None) -> Side:
    return side(read_dataset(open_layout("auto", root, mapping=mapping)), "as asked for")


def test_sizes_come_by_how_often_they_occur_then_by_name_and_broken_images_are_in_none(tmp_path: Path) -> None:
    for number, size in enumerate([(8, 9), (8, 8), (10, 8), (8, 9), (8, 8)]):
        save(tmp_path / f"{number}.png", noise(number, size))
    (tmp_path / "5.png").write_bytes(b"broken")
    found = counted(tmp_path)
    assert list(found["sizes"].items()) == [("8x8", 2), ("8x9", 2), ("10x8", 1)]
    assert found["images"] == 6
    assert found["modes"] == {"RGB": 5}
    assert found["formats"] == {"png": 5}
    assert (found["layout"], found["why"], found["path"]) == ("images", "as asked for", str(tmp_path))


def test_a_mapped_dataset_has_the_name_of_its_layout_and_a_note_of_what_was_left_out(tmp_path: Path) -> None:
    root = mask_folders(tmp_path / "set", 2)
    mapping = tmp_path / "own.yaml"
    mapping.write_text("to: [street]\nclasses: {road: street, car: street, sky: null}\n")
    found = counted(root, mapping=str(mapping))
    assert found["layout"] == "mask-folders"
    (note,) = found["labels"]["notes"]
    assert note.startswith("own: ")
    assert note.endswith("of pixels have no class there (sky)")


def black_and_white(root: Path, middle: int = 255) -> Path:
    for number in range(2):
        save(root / "images" / f"{number}.png", noise(number))
        mask = np.zeros((36, 48), np.uint8)
        mask[:, 24:] = 255
        mask[:, 20:24] = middle if number else 255
        save(root / "masks" / f"{number}.png", mask)
    (root / "classes.txt").write_text("ground\nthing\n")
    return root


def kinds(found: Side) -> list[str]:
    return [each["kind"] for each in found["findings"]]


def test_black_and_white_masks_are_one_finding_in_place_of_what_follows_from_it(tmp_path: Path) -> None:
    found = counted(black_and_white(tmp_path))
    assert kinds(found) == ["binary"]
    (file,) = found["findings"][0]["files"]
    assert file["detail"] == "in all 2 masks; every labeled pixel is ground, and all others are void"


def test_other_findings_stay_beside_it_in_their_order(tmp_path: Path) -> None:
    root = black_and_white(tmp_path)
    (root / "masks/1.png").write_bytes(b"broken")
    save(root / "images/2.png", noise(0))
    save(root / "masks/2.png", np.array(Image.open(root / "masks/0.png")))
    assert kinds(counted(root)) == ["label", "duplicate", "binary"]


@pytest.mark.parametrize("middle", [1, 0])
def test_masks_with_a_second_class_or_without_void_are_not_black_and_white(tmp_path: Path, middle: int) -> None:
    root = black_and_white(tmp_path, middle)
    if middle == 0:
        for path in (root / "masks").iterdir():
            save(path, np.zeros((36, 48), np.uint8))
    assert "binary" not in kinds(counted(root))
