import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refine.data.glance import glance, glance_at, obstacle
from tests.apply.trees import noise, save


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
    seen = glance(save(tmp_path / "a.png", noise(5, 7)))
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
    assert reason in str(obstacle(glance_at(content), 3))


def test_a_file_of_far_more_bytes_than_its_pixels_explain_has_a_reason() -> None:
    seen = glance_at(png(8, 2, 24))
    assert obstacle(seen, 3, 1 << 25) is None
    assert "save it anew" in str(obstacle(seen, 3, 1 << 26))
    assert obstacle(seen._replace(height=4000, width=4000), 3, 1 << 26) is None


def test_16_bit_gray_is_refined() -> None:
    seen = glance_at(png(16, 0, 8))
    assert seen.deep
    assert obstacle(seen, 3) is None


def test_a_file_of_several_frames_has_a_reason() -> None:
    buffer = BytesIO()
    frames = [Image.fromarray(noise(4, 4, seed=seed)) for seed in range(3)]
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    assert "frames" in str(obstacle(glance_at(buffer.getvalue()), 3))


def test_a_color_image_does_not_fit_a_gray_network() -> None:
    assert "gray" in str(obstacle(glance_at(image_file("RGB", "PNG")), 1))
    assert obstacle(glance_at(image_file("L", "PNG")), 1) is None


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty"), (b"not an image", "not that of"), (b"GIF89a", "not")])
def test_what_is_no_image_says_so(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        glance_at(content)


def test_formats_whose_decoders_start_programs_are_not_opened() -> None:
    with pytest.raises(ValueError, match="not that of"):
        glance_at(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")


def test_5_bit_bmp_has_a_reason() -> None:
    content = bytearray(image_file("RGB", "BMP"))
    content[28:30] = (16).to_bytes(2, "little")
    assert "16-bit BMP" in str(obstacle(glance_at(bytes(content)), 3))
    assert np.asarray(Image.open(BytesIO(image_file("RGB", "BMP")))).shape == (3, 4, 3)
