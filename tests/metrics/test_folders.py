from pathlib import Path

import pytest
from PIL import Image

from refine.errors import InputError
from refine.metrics.folders import scan


def save(path: Path, level: int, size: tuple[int, int] = (20, 18), mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, level).convert(mode).save(path)


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
