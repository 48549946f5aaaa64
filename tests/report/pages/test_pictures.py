from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.errors import InputError
from refine.report.pages.pictures import (
    Shelf,
    beside,
    change_between,
    change_picture,
    open_picture,
    triples,
    write_grid,
)
from tests.data.layouts.examples.camvid import write_camvid
from tests.report.pages.trees import failed, make, write_manifest


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]  # plain values
    return path


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "CMYK"])
def test_every_mode_is_shown_as_rgb(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGB", (4, 3), "white").convert(mode)
    picture = open_picture(save(tmp_path / ("x.jpg" if mode == "CMYK" else "x.png"), image))
    assert (picture.mode, picture.size) == ("RGB", (4, 3))
    assert np.asarray(picture).min() > 250


def test_16_bits_are_scaled_to_8(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", Image.fromarray(np.array([[0, 0x8000, 0xFFFF]], np.uint16)))
    assert np.asarray(open_picture(path))[0, :, 0].tolist() == [0, 128, 255]


def test_see_through_parts_are_gray(tmp_path: Path) -> None:
    picture = open_picture(save(tmp_path / "x.png", Image.new("RGBA", (2, 2), (255, 0, 0, 0))))
    assert picture.getpixel((0, 0)) == (128, 128, 128)


def test_pictures_stand_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert open_picture(save(tmp_path / "x.jpg", Image.new("RGB", (4, 2)), exif=exif)).size == (2, 4)


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"no image")
    with pytest.raises(InputError, match=r"x\.png: cannot be shown.*refine verify"):
        open_picture(path)


def test_the_change_is_the_mean_over_channels() -> None:
    before, after = Image.new("RGB", (2, 1), (10, 10, 10)), Image.new("RGB", (2, 1), (16, 7, 10))
    assert change_between(before, after).tolist() == [[3.0, 3.0]]


def test_images_of_two_sizes_have_no_change() -> None:
    with pytest.raises(InputError, match="3x2, its original 2x2"):
        change_between(Image.new("RGB", (2, 2)), Image.new("RGB", (3, 2)))


def test_more_change_is_brighter() -> None:
    colors = np.asarray(change_picture(np.array([[0.0, 20.0, 40.0]]), 40)).sum(axis=2)[0]
    assert colors[0] < colors[1] < colors[2]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_the_grid_has_a_column_for_each_image_and_three_rows(tmp_path: Path, mode: str) -> None:
    trees = make(tmp_path, mode=mode)
    grid = np.asarray(Image.open(write_grid(tmp_path / "grid.png", *trees, count=4)))
    top, side = 8, 96
    assert grid.shape == (3 * (144 + 8) + 8, 96 + 4 * (192 + 8), 3)
    # The keys are 000 and 002 of each class: levels 40 and 60, 70 and 90; then 0, 2, 3 and 5 more.
    first = [[int(grid[top + row * 152, side + column * 200, 0]) for column in range(4)] for row in range(3)]
    assert first == [[40, 60, 70, 90], [40, 62, 73, 95], [200] * 4]


def test_a_dataset_in_which_all_failed_has_no_grid(tmp_path: Path) -> None:
    trees = make(tmp_path)
    write_manifest(trees, [failed("red/000.png")])
    with pytest.raises(InputError, match="no refined image to show"):
        write_grid(tmp_path / "grid.png", *trees)


def test_masks_of_a_known_dataset_are_no_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = write_camvid(tmp_path / "camvid")
    opened: list[str] = []
    whole = Shelf.picture

    def noted(self: Shelf, key: str) -> Image.Image:
        opened.append(key)
        return whole(self, key)

    monkeypatch.setattr(Shelf, "picture", noted)
    key = next(iter(Shelf(real).records))
    triples(real, real, real, [key] * 12)
    assert {name.partition("/")[0] for name in opened} <= {"train", "val", "test"}


def test_a_real_image_of_the_same_class_stands_beside() -> None:
    real = [Path("real/green/a.png"), Path("real/red/b.png"), Path("real/red/c.png")]
    assert {beside("red/000.png", real, number) for number in range(4)} == set(real[1:])


def test_without_such_a_folder_any_real_image_does() -> None:
    real = [Path("real/a.png"), Path("real/b.png")]
    assert {beside("red/000.png", real, number) for number in range(2)} == set(real)
