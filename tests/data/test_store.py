from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.tv_tensors import BoundingBoxes

from refine.data.images import read_image, resize_levels, to_float
from refine.data.layouts import ClassFolders, ImageFolder, MaskFolders
from refine.data.open_layout import open_labeled
from refine.data.samples import Record
from refine.data.store import Cache, ImageStore, common_size, image_batches, read_labeled, split_by_key
from refine.errors import InputError
from refine.labels import KINDS, Annotation, LabelSpace, Objects
from refine.labels.annotation import same
from tests.conftest import WriteImages


@pytest.mark.parametrize("cache", ["memory", "memmap", "none", "auto"])
def test_every_cache_gives_the_same_pixels_and_labels(tmp_path: Path, write_images: WriteImages, cache: Cache) -> None:
    layout = ClassFolders(write_images(tmp_path))
    wanted = ImageStore(layout, layout.records(), 3, (16, 24), "none")
    store = ImageStore(layout, layout.records(), 3, (16, 24), cache)
    assert len(store) == 12
    for index in (0, 5, 11):
        assert store.image(index).shape == (3, 16, 24)
        assert torch.equal(store.image(index), wanted.image(index))
        assert int(KINDS["class"].label(store.annotation(index))) == index // 6


def test_memory_holds_what_the_files_held_at_first(tmp_path: Path, write_images: WriteImages) -> None:
    layout = ClassFolders(write_images(tmp_path))
    store = ImageStore(layout, layout.records(), 3, None, "memory")
    layout.records()[0].image.unlink()
    assert store.image(0).shape == (3, 32, 32)


@pytest.mark.parametrize("cache", ["memory", "memmap", "none"])
def test_a_broken_image_is_found_before_training(tmp_path: Path, write_images: WriteImages, cache: Cache) -> None:
    layout = ClassFolders(write_images(tmp_path))
    path = layout.records()[3].image
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match=path.name):
        ImageStore(layout, layout.records(), 3, None, cache)


def masks(root: Path, ids: tuple[int, ...] = (0, 1, 255)) -> MaskFolders:
    """Three images of 4x6 pixels, the left half of each mask of class 0, the right half of one id."""
    for number, right in enumerate(ids):
        mask = Image.new("L", (6, 4))
        mask.paste(right, (3, 0, 6, 4))
        for folder, image in (("images", Image.new("RGB", (6, 4), (number, 0, 0))), ("masks", mask)):
            (root / folder).mkdir(exist_ok=True)
            image.save(root / folder / f"{number}.png")
    return MaskFolders(root, ("left", "right"))


@pytest.mark.parametrize("cache", ["memory", "memmap", "none"])
def test_masks_come_in_the_working_size_of_their_images(tmp_path: Path, cache: Cache) -> None:
    layout = masks(tmp_path)
    store = ImageStore(layout, layout.records(), 3, (2, 4), cache)
    assert store.image(1).shape == (3, 2, 4)
    label = KINDS["mask"].label(store.annotation(1))
    assert label.dtype == torch.int64
    assert label.tolist() == [[0, 0, 1, 1]] * 2
    assert KINDS["mask"].label(store.annotation(2)).tolist() == [[0, 0, 255, 255]] * 2
    whole = ImageStore(layout, layout.records(), 3, None, cache)
    assert KINDS["mask"].label(whole.annotation(1)).tolist() == [[0, 0, 0, 1, 1, 1]] * 4


@pytest.mark.parametrize("cache", ["memory", "memmap", "none"])
def test_a_broken_mask_is_found_before_training(tmp_path: Path, cache: Cache) -> None:
    layout = masks(tmp_path, ids=(0, 7, 1))
    with pytest.raises(InputError, match=r"masks/1\.png: id 7"):
        ImageStore(layout, layout.records(), 3, None, cache)


def test_labels_that_nobody_wants_are_not_read(tmp_path: Path) -> None:
    layout = masks(tmp_path, ids=(0, 7, 1))
    store = ImageStore(layout, layout.records(), 3, None, "memory", labels=False)
    assert same(store.annotation(1), Annotation())


class Poses(ClassFolders):
    """Class folders whose labels are numbers; one file is broken if it says so."""

    broken = False

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.label_space = LabelSpace("targets", ("depth",))

    def annotation(self, record: Record) -> Annotation:
        if self.broken and record.key.endswith("b-003.png"):
            raise InputError(f"{record.key}: damaged label")
        return Annotation(targets=torch.tensor([2.0]), gaze=torch.zeros(3))


def test_training_gets_its_kind_of_label_and_nothing_else(tmp_path: Path, write_images: WriteImages) -> None:
    layout = Poses(write_images(tmp_path))
    store = ImageStore(layout, layout.records(), 3, None, "none")
    assert same(store.annotation(4), Annotation(targets=torch.tensor([2.0])))


def test_a_broken_label_is_found_before_training(tmp_path: Path, write_images: WriteImages) -> None:
    layout = Poses(write_images(tmp_path))
    layout.broken = True
    with pytest.raises(InputError, match=r"b-003\.png: damaged label"):
        ImageStore(layout, layout.records(), 3, None, "none")


class Boxes(ClassFolders):
    """Class folders of 32x32 pixels with one box in each image of class b, and two of which one has no area in a."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.label_space = LabelSpace("objects", ("a", "b"))

    def annotation(self, record: Record) -> Annotation:
        corners = [[4.0, 8.0, 16.0, 32.0]] if record.key.startswith("b") else [[0.0, 0, 8, 8], [1.0, 1, 9, 1]]
        placed = BoundingBoxes(torch.tensor(corners), format="XYXY", canvas_size=(32, 32))
        return Annotation(objects=Objects(placed, torch.ones(len(corners)).long()))


@pytest.mark.parametrize("cache", ["memory", "memmap", "none"])
def test_boxes_come_in_the_working_size_of_their_images(
    tmp_path: Path, write_images: WriteImages, cache: Cache
) -> None:
    layout = Boxes(write_images(tmp_path))
    store = ImageStore(layout, layout.records(), 3, (16, 64), cache)
    assert KINDS["objects"].label(store.annotation(7))[:2].tolist() == [[1, 8, 4, 32, 16], [-1] * 5]
    assert store.tally == {"images": 12, "objects": 12, "flat": 6, "crowds": 0, "beyond": 0, "empty": 0}
    whole = ImageStore(layout, layout.records(), 3, None, cache)
    assert KINDS["objects"].label(whole.annotation(7))[0].tolist() == [1, 4, 8, 16, 32]


def records(count: int) -> list[Record]:
    return [Record(f"{number:05d}.png", Path()) for number in range(count)]


def test_a_split_is_about_the_fraction_and_disjoint() -> None:
    training, held_out = split_by_key(records(2000), 0.1)
    assert 150 < len(held_out) < 250
    assert {r.key for r in training}.isdisjoint(r.key for r in held_out)
    assert len(training) + len(held_out) == 2000


def test_new_images_move_no_old_one_between_the_parts() -> None:
    before = {record.key for record in split_by_key(records(100), 0.3)[1]}
    after = {record.key for record in split_by_key(records(200), 0.3)[1]}
    assert before == {key for key in after if key < "00100"}


def test_a_fraction_of_zero_looks_at_training_images() -> None:
    training, held_out = split_by_key(records(5), 0.0)
    assert training == held_out == records(5)


def test_batches_hold_every_image_once_in_order(tmp_path: Path, write_images: WriteImages) -> None:
    layout = ImageFolder(write_images(tmp_path, count=5))
    records = layout.records()
    found = list(image_batches(layout, records, 3, (16, 16), batch_size=4))
    assert [len(images) for images in found] == [4, 4, 2]
    expected = to_float(resize_levels(read_image(records[9].image, 3), (16, 16)))
    assert torch.equal(found[2][1], expected)


def test_reads_images_and_labels_in_the_order_of_the_classes_given(tmp_path: Path, write_images: WriteImages) -> None:
    root = write_images(tmp_path / "data", classes=("a", "b", "c"), count=2, size=(8, 6))
    data = read_labeled(open_labeled(root, classes=("c", "a")), channels=3, size=(4, 4))
    assert data.images.shape == (4, 3, 4, 4)
    assert data.images.dtype == torch.uint8
    assert data.keys == ("a/a-000.png", "a/a-001.png", "c/c-000.png", "c/c-001.png")
    assert data.labels.tolist() == [1, 1, 0, 0]


def test_taking_and_joining_keep_image_label_and_key_together(tmp_path: Path, write_images: WriteImages) -> None:
    data = read_labeled(ClassFolders(write_images(tmp_path / "data", size=(8, 8))), channels=3, size=(8, 8))
    part = data.take([7, 0]).join(data.take([3]))
    for place, index in enumerate([7, 0, 3]):
        assert torch.equal(part.images[place], data.images[index])
        assert part.labels[place] == data.labels[index]
        assert part.keys[place] == data.keys[index]


def test_the_common_size_is_height_by_width_and_there_must_be_one(tmp_path: Path, write_images: WriteImages) -> None:
    root = write_images(tmp_path / "data", classes=("a",), size=(8, 6))
    assert common_size(ClassFolders(root)) == (8, 6)
    write_images(root, classes=("b",), size=(10, 6))
    with pytest.raises(InputError, match=r"2 sizes, from 8x6 to 10x6 .*--size"):
        common_size(ClassFolders(root))
