from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

import refine.metrics.sides
from refine.errors import InputError
from refine.metrics.patches import draw_places
from refine.metrics.sides import Side, progress, read_side, scan


class Levels:
    """Gives the mean gray level of each image, 0 … 255."""

    name, sha256, resize = "levels", None, "none"

    def __call__(self, images: Tensor) -> Tensor:
        return (images.mean(dim=(1, 2, 3), keepdim=True).flatten(1) + 1) * 127.5


class Broken(Levels):
    def __call__(self, images: Tensor) -> Tensor:
        return super().__call__(images) * torch.nan


def save(path: Path, level: int, size: tuple[int, int] = (20, 18), mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, level).convert(mode).save(path)


def read(folder: Path, seed: int = 0, batch_size: int = 3, extractor: Levels | None = None) -> Side:
    return read_side(
        scan(folder, 2),
        channels=1,
        size=(18, 20),
        extractors=[extractor or Levels()],
        places=draw_places((18, 20), torch.Generator().manual_seed(0), 5),
        seed=seed,
        batch_size=batch_size,
        device="cpu",
        advance=lambda done: None,
    )


def test_scan_counts_formats_finds_color_and_the_median_size(tmp_path: Path) -> None:
    for number in range(2):
        save(tmp_path / "a" / f"{number}.png", 9, (20, 18))
    save(tmp_path / "b" / "x.JPG", 9, (40, 30))
    (tmp_path / "refine-manifest.jsonl").write_text("{}\n")
    folder = scan(tmp_path, 3)
    assert folder.formats == {"jpeg": 1, "png": 2}
    assert folder.median_size() == (18, 20)
    assert not folder.color
    save(tmp_path / "c.png", 9, mode="P")
    assert scan(tmp_path, 3).color


def test_scan_takes_the_images_that_are_meant(tmp_path: Path) -> None:
    for name in ("rgb/0.png", "rgb/1.png", "masks/0.png"):
        save(tmp_path / name, 9)
    assert [record.key for record in scan(tmp_path, 2, "rgb/*").images] == ["rgb/0.png", "rgb/1.png"]
    with pytest.raises(InputError, match=r"found 1 images that match 'masks/\*', .* at least 2"):
        scan(tmp_path, 2, "masks/*")


def test_scan_names_a_file_that_is_no_image(tmp_path: Path) -> None:
    save(tmp_path / "0.png", 9)
    (tmp_path / "1.png").write_text("text")
    with pytest.raises(InputError, match=r"1\.png: cannot be read as an image"):
        scan(tmp_path, 1)


def test_every_image_is_read_once_in_an_order_that_depends_on_the_seed_alone(tmp_path: Path) -> None:
    for number in range(10):
        save(tmp_path / f"{number}.png", 20 * number)
    side = read(tmp_path)
    levels = side.features[0].flatten().round().int().tolist()
    assert side.images == 10
    assert sorted(levels) == list(range(0, 200, 20)) != levels
    patches = (side.descriptors[0].mean(dim=(1, 2, 3)) + 1) * 127.5
    torch.testing.assert_close(patches, side.features[0].flatten())
    torch.testing.assert_close(read(tmp_path, batch_size=10).descriptors, side.descriptors)
    assert not torch.equal(read(tmp_path, seed=1).features[0], side.features[0])


def test_patches_of_a_bounded_number_of_images_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(8):
        save(tmp_path / f"{number}.png", number)
    monkeypatch.setattr(refine.metrics.sides, "MOST_DESCRIBED", 5)
    side = read(tmp_path)
    assert len(side.descriptors[0]) == 5
    assert len(side.features[0]) == side.images == 8


def test_features_that_are_not_numbers_stop_it(tmp_path: Path) -> None:
    for number in range(2):
        save(tmp_path / f"{number}.png", number)
    with pytest.raises(InputError, match="features 'levels' are NaN or infinite"):
        read(tmp_path, extractor=Broken())


def test_the_bar_is_for_terminals_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with progress(3) as advance:
        advance(3)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress(3) as advance:
        advance(3)
    assert "evaluate" in capsys.readouterr().err


def test_the_glob_is_that_of_apply(tmp_path: Path) -> None:
    for name in ("0.png", "rgb/0.png", "rgb/day/0.png", "rgb/day/1.png"):
        save(tmp_path / name, 9)
    assert len(scan(tmp_path, 1, "rgb/*.png").images) == 1  # a star stays in its folder
    assert len(scan(tmp_path, 1, "rgb/**/*.png").images) == 3
    with pytest.raises(InputError, match="expected a pattern relative to the input"):
        scan(tmp_path, 1, "../*.png")


def test_sixteen_bits_of_either_byte_order_are_gray(tmp_path: Path) -> None:
    Image.frombytes("I;16B", (20, 18), bytes(2 * 20 * 18)).save(tmp_path / "big.tif")
    assert not scan(tmp_path, 1).color


def test_scan_opens_no_format_whose_decoder_starts_another_program(tmp_path: Path) -> None:
    Image.new("RGB", (7, 3)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: cannot be read as an image"):
        scan(tmp_path, 1)
