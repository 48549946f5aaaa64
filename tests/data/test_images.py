import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from refine.data.images import (
    image_size,
    is_gray,
    list_images,
    obstacle,
    read_header,
    read_image,
    resize_levels,
    to_float,
    to_levels,
)
from refine.errors import InputError
from tests.apply.trees import noise, save
from tests.conftest import WriteImages


def test_levels_survive_the_way_to_floats_and_back() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    floats = to_float(levels)
    assert float(floats.min()) == -1.0
    assert float(floats.max()) == 1.0
    assert torch.equal(to_levels(floats), levels)


def test_floats_are_rounded_to_the_nearest_level_and_clamped() -> None:
    assert to_levels(torch.tensor([-1.3, 0.0, 0.6 / 127.5 - 1, 1.2])).tolist() == [0, 128, 1, 255]


def test_color_gray_and_palette_files_come_as_asked_for(tmp_path: Path) -> None:
    color = Image.fromarray(np.full((4, 6, 3), (10, 20, 30), np.uint8))
    color.save(tmp_path / "color.png")
    color.convert("P").save(tmp_path / "palette.png")
    Image.fromarray(np.full((4, 6), 77, np.uint8)).save(tmp_path / "gray.png")
    assert read_image(tmp_path / "color.png", 3)[:, 0, 0].tolist() == [10, 20, 30]
    assert read_image(tmp_path / "palette.png", 3).shape == (3, 4, 6)
    assert read_image(tmp_path / "gray.png", 3)[:, 0, 0].tolist() == [77, 77, 77]
    assert read_image(tmp_path / "gray.png", 1).shape == (1, 4, 6)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("mode", "name"), [("I;16", "deep.png"), ("I;16B", "deep.tif")])
def test_sixteen_bits_of_either_byte_order_are_scaled_and_not_clipped(
    tmp_path: Path, mode: str, name: str, channels: int
) -> None:
    levels = struct.pack(">4H" if mode.endswith("B") else "<4H", *[0x8001] * 4)
    Image.frombytes(mode, (2, 2), levels).save(tmp_path / name)
    header = read_header(tmp_path / name)
    assert (header.mode, header.is_16_bit, obstacle(header, 3)) == (mode, True, None)
    assert read_image(tmp_path / name, channels).flatten().tolist() == [0x80] * 4 * channels


@pytest.mark.parametrize(
    ("modes", "gray"),
    [("1 L LA I I;16 I;16B I;16L F", True), ("RGB RGBA P PA CMYK YCbCr LAB", False)],
)
def test_modes_without_color_are_gray(modes: str, gray: bool) -> None:
    assert {is_gray(mode) for mode in modes.split()} == {gray}


def test_mixed_channel_counts_are_refused_by_name(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "color.png")
    with pytest.raises(InputError, match=r"color\.png: expected a gray image, found mode RGB"):
        read_image(tmp_path / "color.png", 1)


@pytest.mark.parametrize("damage", ["truncated", "empty", "text"])
def test_unreadable_files_are_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "bad.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes({"truncated": path.read_bytes()[:2000], "empty": b"", "text": b"hello"}[damage])
    with pytest.raises(InputError, match=r"bad\.png: cannot be read as an image"):
        read_image(path, 3)


def test_listing_is_deep_sorted_and_skips_what_is_no_image(tmp_path: Path, write_images: WriteImages) -> None:
    write_images(tmp_path, classes=("b", "a"), count=2)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".hidden.png").write_bytes(b"")
    names = [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path)]
    assert names == ["a/a-000.png", "a/a-001.png", "b/b-000.png", "b/b-001.png"]


def test_the_header_alone_gives_height_and_width(tmp_path: Path) -> None:
    Image.new("L", (7, 3)).save(tmp_path / "a.png")
    assert image_size(tmp_path / "a.png") == (3, 7)


def test_resizing_is_antialiased() -> None:
    stripes = torch.zeros(1, 64, 64, dtype=torch.uint8)
    stripes[..., ::2] = 255
    small = resize_levels(stripes, (16, 16))
    assert small.shape == (1, 16, 16)
    assert 100 < float(small.float().mean()) < 155
    assert float(small.float().std()) < 20  # without antialiasing, some columns would be black and others white


def test_a_format_whose_decoder_starts_another_program_is_not_opened(tmp_path: Path) -> None:
    Image.new("RGB", (7, 3)).save(tmp_path / "a.eps")
    path = (tmp_path / "a.eps").rename(tmp_path / "a.png")
    for read in (image_size, lambda path: read_image(path, 3)):
        with pytest.raises(InputError, match=r"a\.png: cannot be read as an image \(its content is not that of"):
            read(path)


def test_whatever_a_decoder_stumbles_over_names_the_file(tmp_path: Path) -> None:
    header = struct.pack(">I", 5) + b"IHDR" + bytes(5)
    (tmp_path / "short.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", zlib.crc32(header[4:])))
    with pytest.raises(ValueError, match="IHDR"):
        Image.open(tmp_path / "short.png")
    for read in (image_size, lambda path: read_image(path, 3)):
        with pytest.raises(InputError, match=r"short\.png: cannot be read as an image .*IHDR"):
            read(tmp_path / "short.png")


def test_damage_that_pillow_warns_of_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0\x08\0\0\0\xff\xff" + bytes(12 * 65535))
    code = (
        "import sys; from pathlib import Path; from refine.data.images import image_size\n"
        "try: image_size(Path(sys.argv[1]))\nexcept ValueError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", code, tmp_path / "a.tif"], capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    assert "a.tif: cannot be read as an image" in ran.stdout


@pytest.mark.slow  # an interpreter of its own
def test_many_pixels_are_no_warning_in_any_thread(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 9600, 9600, 1, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + bytes(4))
    code = (
        "import sys; from concurrent.futures import ThreadPoolExecutor; from pathlib import Path; "
        "from refine.data.images import image_size; "
        "print(set(ThreadPoolExecutor(8).map(image_size, [Path(sys.argv[1])] * 2000)))"
    )
    ran = subprocess.run([sys.executable, "-c", code, tmp_path / "a.png"], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("{(9600, 9600)}\n", "")


def png(depth: int, color_type: int, row: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 4, 3, depth, color_type, 0, 0, 0)
    pixels = zlib.compress((b"\0" + bytes(row)) * 3)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def image_file(mode: str, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    Image.new(mode, (4, 3)).save(buffer, kind, **options)
    return buffer.getvalue()


def test_a_header_gives_size_mode_and_depth(tmp_path: Path) -> None:
    seen = read_header(save(tmp_path / "a.png", noise(5, 7)))
    assert (seen.format, seen.mode, seen.height, seen.width, seen.depth) == ("PNG", "RGB", 5, 7, 8)
    assert obstacle(seen, 3) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (png(16, 2, 24), "16 bits a channel"),
        (png(16, 6, 32), "16 bits a channel"),
        (png(16, 4, 16), "16 bits a channel"),
        (png(4, 0, 2), "4 bits a channel"),
        (image_file("1", "PNG"), "1-bit"),
        (image_file("P", "PNG"), "palette"),
        (image_file("CMYK", "JPEG"), "CMYK"),
        (image_file("CMYK", "TIFF"), "CMYK"),
        (image_file("F", "TIFF"), "32 bits"),
        (image_file("RGB", "TIFF", compression="jpeg"), "jpeg compression"),
        (image_file("RGB", "TIFF", tiffinfo={274: 6}), "orientation"),
        (b"P3 1 1 255 0 0 0", "text"),
        (b"P6 1 1 100 abc", "255"),
        (b"P6 1 1 65535 abcdef", "255"),
    ],
)
def test_what_cannot_come_back_the_same_has_a_reason(content: bytes, reason: str) -> None:
    assert reason in str(obstacle(read_header(content), 3))


def test_a_file_of_far_more_bytes_than_its_pixels_explain_has_a_reason() -> None:
    seen = read_header(png(8, 2, 24))
    assert obstacle(seen, 3, 1 << 25) is None
    assert "save it anew" in str(obstacle(seen, 3, 1 << 26))
    assert obstacle(seen._replace(height=4000, width=4000), 3, 1 << 26) is None


def test_a_file_of_several_frames_has_a_reason() -> None:
    buffer = BytesIO()
    frames = [Image.fromarray(noise(4, 4, seed=seed)) for seed in range(3)]
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    assert "frames" in str(obstacle(read_header(buffer.getvalue()), 3))


def test_a_color_image_does_not_fit_a_gray_network() -> None:
    assert "gray" in str(obstacle(read_header(image_file("RGB", "PNG")), 1))
    assert obstacle(read_header(image_file("L", "PNG")), 1) is None


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"  # its decoder starts a program


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty"), (b"not an image", "not that of"), (b"GIF89a", "not"), (EPS, "not that of")]
)
def test_what_is_no_image_says_so(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_header(content)


def test_5_bit_bmp_has_a_reason() -> None:
    content = bytearray(image_file("RGB", "BMP"))
    content[28:30] = (16).to_bytes(2, "little")
    assert "16-bit BMP" in str(obstacle(read_header(bytes(content)), 3))
    assert np.asarray(Image.open(BytesIO(image_file("RGB", "BMP")))).shape == (3, 4, 3)
