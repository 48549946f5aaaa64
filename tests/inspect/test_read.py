from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import refine.inspect.read as module
from refine.data.layouts import ImageFolder
from refine.data.open_layout import open_layout
from refine.data.samples import Record
from refine.errors import InputError
from refine.inspect.read import Dataset, median_size, read_dataset, sample
from refine.labels import Annotation, LabelSpace
from tests.inspect.datasets import class_folders, coco, mask_folders, noise, save


def test_looks_stand_in_the_order_of_the_records_and_unreadable_ones_are_not_whole(tmp_path: Path) -> None:
    root = class_folders(tmp_path, 70)  # more than are read ahead
    (root / "a/002.png").write_bytes(b"broken")
    layout = open_layout("auto", root)
    found = read_dataset(layout)
    keys = [record.key for record in layout.records()]
    assert [image.key for image in found.checked] == keys
    assert [record.key for record in found.readable()] == [key for key in keys if key != "a/002.png"]
    broken = found.checked[1]
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
    assert [(image.mode, image.format) for image in found.checked] == [("RGB", "jpeg"), ("L", "png")]
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
    digests = [image.content for image in read_dataset(ImageFolder(tmp_path)).checked]
    assert digests[0] == digests[1]
    flat = np.full((8, 12, 3), 7, np.uint8)
    save(tmp_path / "3.png", flat)
    save(tmp_path / "4.png", flat.reshape(12, 8, 3))
    digests = [image.content for image in read_dataset(ImageFolder(tmp_path)).checked]
    assert len(set(digests)) == 4


def test_labels_have_equal_digests_where_they_say_the_same(tmp_path: Path) -> None:
    root = mask_folders(tmp_path / "masks", 3)
    (root / "masks/001.png").write_bytes((root / "masks/000.png").read_bytes())
    one, same, other = (image.label for image in read_dataset(open_layout("auto", root)).checked)
    assert one == same != other
    boxes = [
        image.label for image in read_dataset(open_layout("auto", coco(tmp_path / "b", [(1, 1, 5, 5)] * 3))).checked
    ]
    assert boxes[0] == boxes[2] != boxes[1]  # the second is of another class
    unlabeled = ImageFolder(tmp_path / "b/images")
    assert {image.label for image in read_dataset(unlabeled).checked} == {b""}


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
    assert [[tuple(problem) for problem in image.problems] for image in found.checked] == [
        [("label", "ValueError: list index")],
        [("label", "no label; add one")],
        [],
    ]
    assert found.faults == ("0.png: is odd",)
    assert found.tally.labeled == 1
    assert len(found.readable()) == 3


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


def levels(root: Path, *sizes: tuple[int, int]) -> Dataset:
    """Images of one level each, their number."""
    for number, size in enumerate(sizes):
        save(root / f"{number:03d}.png", np.full((*size, 3), number, np.uint8))
    return read_dataset(ImageFolder(root))


def test_the_size_is_the_lower_median_of_each_side_of_what_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"")
    assert median_size(levels(tmp_path, (10, 40), (20, 30), (30, 20), (40, 10))) == (20, 20)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((512, 100), (512, 100)), ((1024, 600), (512, 300)), ((3, 2048), (1, 512)), ((1, 4096), (1, 512))],
)
def test_large_images_are_reduced_in_proportion(tmp_path: Path, size: tuple[int, int], expected: object) -> None:
    assert median_size(levels(tmp_path, size)) == expected


def test_every_image_comes_once_in_an_order_that_stays(tmp_path: Path) -> None:
    dataset = levels(tmp_path, *[(4, 6)] * 80)
    whole = sample(dataset, 500, (4, 6))
    assert whole.shape == (80, 3, 4, 6)
    assert whole.dtype == torch.uint8
    order = whole[:, 0, 0, 0].tolist()
    assert sorted(order) == list(range(80))
    assert order != sorted(order)
    assert torch.equal(sample(dataset, 7, (4, 6)), whole[:7])  # a smaller sample is the larger one's beginning
    for image in whole:
        assert len(image.unique()) == 1


def test_images_that_cannot_be_read_are_left_out_and_all_get_one_size(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"")
    found = sample(levels(tmp_path, (4, 6), (8, 8), (3, 3)), 10, (5, 5))
    assert found.shape == (3, 3, 5, 5)
    assert sorted(found[:, 0, 2, 2].tolist()) == [0, 1, 2]


def test_memory_bounds_the_sample_but_two_images_are_always_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = levels(tmp_path, *[(4, 6)] * 5)
    monkeypatch.setattr(module, "MOST_BYTES", 3 * 4 * 6 * 3)
    assert len(sample(dataset, 500, (4, 6))) == 3
    assert len(sample(dataset, 500, (40, 60))) == 2
