from pathlib import Path

import numpy as np
import torch
from PIL import Image

from refine.data.annotation import Annotation
from refine.data.layouts import ImageFolder
from refine.data.layouts.base import LabelSpace
from refine.data.open_layout import open_layout
from refine.data.samples import Record
from refine.errors import InputError
from refine.inspect.reading import read_dataset
from tests.inspect.datasets import class_folders, coco, mask_folders, noise, save


def test_looks_stand_in_the_order_of_the_records_and_unreadable_ones_are_not_whole(tmp_path: Path) -> None:
    root = class_folders(tmp_path, 70)  # more than are read ahead
    (root / "a/002.png").write_bytes(b"broken")
    layout = open_layout("auto", root)
    found = read_dataset(layout)
    keys = [record.key for record in layout.records()]
    assert [look.key for look in found.looks] == keys
    assert [record.key for record in found.whole()] == [key for key in keys if key != "a/002.png"]
    broken = found.looks[1]
    assert (broken.size, broken.content, broken.label) == (None, b"", b"")
    (problem,) = broken.problems
    assert problem.kind == "unreadable"
    assert str(tmp_path) not in problem.detail
    assert not problem.detail.startswith("a/002.png")  # the finding names it already
    assert found.tally.labeled == 69


def test_the_header_says_mode_and_format_whatever_the_suffix(tmp_path: Path) -> None:
    Image.fromarray(noise(0)).save(tmp_path / "0.png", "JPEG")
    Image.fromarray(noise(1)[..., 0]).save(tmp_path / "1.png")
    found = read_dataset(ImageFolder(tmp_path))
    assert [(look.mode, look.format) for look in found.looks] == [("RGB", "jpeg"), ("L", "png")]
    assert found.color


def test_a_set_of_gray_images_of_any_depth_has_no_color(tmp_path: Path) -> None:
    gray = noise(0)[..., 0]
    save(tmp_path / "0.png", gray)
    Image.fromarray(gray.astype(np.uint16) * 256).save(tmp_path / "1.png")
    Image.fromarray(gray).convert("1").save(tmp_path / "2.png")
    Image.fromarray(gray).convert("LA").save(tmp_path / "3.png")
    assert not read_dataset(ImageFolder(tmp_path)).color


def test_equal_pixels_have_equal_digests_if_their_shape_is_equal_too(tmp_path: Path) -> None:
    pixels = noise(0, (8, 12))
    save(tmp_path / "0.png", pixels)
    save(tmp_path / "1.bmp", pixels)
    save(tmp_path / "2.png", pixels.reshape(12, 8, 3))
    digests = [look.content for look in read_dataset(ImageFolder(tmp_path)).looks]
    assert digests[0] == digests[1]
    flat = np.full((8, 12, 3), 7, np.uint8)
    save(tmp_path / "3.png", flat)
    save(tmp_path / "4.png", flat.reshape(12, 8, 3))
    digests = [look.content for look in read_dataset(ImageFolder(tmp_path)).looks]
    assert len(set(digests)) == 4


def test_labels_have_equal_digests_where_they_say_the_same(tmp_path: Path) -> None:
    root = mask_folders(tmp_path / "masks", 3)
    (root / "masks/001.png").write_bytes((root / "masks/000.png").read_bytes())
    one, same, other = (look.label for look in read_dataset(open_layout("auto", root)).looks)
    assert one == same != other
    boxes = [look.label for look in read_dataset(open_layout("auto", coco(tmp_path / "b", [(1, 1, 5, 5)] * 3))).looks]
    assert boxes[0] == boxes[2] != boxes[1]  # the second is of another class
    unlabeled = ImageFolder(tmp_path / "b/images")
    assert {look.label for look in read_dataset(unlabeled).looks} == {b""}


class Odd(ImageFolder):
    """Images whose labels trip over the first."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.label_space = LabelSpace("class", ("a",))
        self.faults = [f"{root}/0.png: is odd"]

    def annotation(self, record: Record) -> Annotation:
        if record.key == "0.png":
            raise ValueError("list index")
        if record.key == "1.png":
            raise InputError(f"{self.root}/1.png: no label; add one")
        return Annotation(class_id=torch.tensor(0))


def test_a_label_that_raises_anything_hides_no_other_and_paths_are_below_the_root(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"{number}.png", noise(number))
    found = read_dataset(Odd(tmp_path))
    assert [[tuple(problem) for problem in look.problems] for look in found.looks] == [
        [("label", "ValueError: list index")],
        [("label", "no label; add one")],
        [],
    ]
    assert found.faults == ("0.png: is odd",)
    assert found.tally.labeled == 1
    assert len(found.whole()) == 3


def test_a_mapping_counts_what_it_leaves_out_over_all_threads(tmp_path: Path) -> None:
    root = mask_folders(tmp_path / "set", 9)
    own = tmp_path / "own.yaml"
    own.write_text("to: [street]\nclasses: {road: street, car: street}\n")
    layout = open_layout("auto", root, mapping=str(own))
    found = read_dataset(layout)
    sky = sum(int((np.asarray(Image.open(path)) == 0).sum()) for path in (root / "masks").iterdir())
    assert found.tally.classes.tolist() == [9 * 36 * 48 - sky, sky]
    assert layout.unmapped == {"sky": sky}  # type: ignore[attr-defined]  # of a mapped layout
    assert layout.read == 9 * 36 * 48  # type: ignore[attr-defined]  # as above
