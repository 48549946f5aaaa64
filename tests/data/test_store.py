from pathlib import Path

import pytest
import torch

from refine.data.layouts import ClassFolders
from refine.data.samples import Record
from refine.data.store import Cache, ImageStore, split_by_key
from refine.errors import InputError
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
        assert int(store.label(index)) == index // 6


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
