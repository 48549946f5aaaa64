"""Twenty files that real datasets hold and that must not stop the others."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.apply.trees import noise, save

REFINED = {
    "sixteen.png", "rgba.png", "rotated.jpg", "one.png", "wide.png", "with space.png", "é.png", "two\nlines.png",
    os.fsdecode(b"latin\xe9.png"), "jpeg inside.png", "gray-alpha.png",
}  # fmt: skip  # a line for each would hide what belongs together
REASONS = {
    "truncated.png": "truncated",
    "truncated.jpg": "truncated",
    "zero.png": "empty file",
    "text.png": "not that of",
    "palette.png": "palette",
    "cmyk.jpg": "CMYK",
    "deep-color.png": "16 bits",
    "bit.png": "1-bit",
    "animated.png": "frames",
    "bomb.png": "exceeds limit",
    "outside.png": "out of the dataset",
    "outside": "out of the dataset",
    "dangling.png": "nothing",
}


def add_hostile_files(root: Path) -> None:
    """Write all of them into an existing folder. ``folder.png`` is a folder and stays one."""
    whole = save(root / "truncated.png", noise(32, 32)).read_bytes()
    (root / "truncated.png").write_bytes(whole[: len(whole) // 2])
    whole = save(root / "truncated.jpg", noise(32, 32)).read_bytes()
    (root / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "zero.png").touch()
    (root / "text.png").write_text("this is no image")
    save(root / "sixteen.png", np.arange(1024, dtype=np.uint16).reshape(32, 32) * 64)
    Image.fromarray(noise(16, 16)).convert("P").save(root / "palette.png")
    save(root / "rgba.png", noise(16, 16, 4))
    save(root / "gray-alpha.png", noise(16, 16, 2))
    Image.fromarray(noise(16, 16)).convert("CMYK").save(root / "cmyk.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    save(root / "rotated.jpg", noise(12, 24), exif=exif)
    save(root / "one.png", noise(1, 1))
    save(root / "wide.png", noise(2, 20000))
    for name in ("with space.png", "é.png", "two\nlines.png", os.fsdecode(b"latin\xe9.png")):
        save(root / name, noise(16, 16))
    (root / "deep-color.png").write_bytes(_png(16, 2, 4, 3, bytes(3 * 25)))
    (root / "bomb.png").write_bytes(_png(8, 2, 60000, 60000, b""))
    Image.fromarray(noise(16, 16)).convert("1").save(root / "bit.png")
    frames = [Image.fromarray(noise(4, 4, seed=seed)) for seed in range(3)]
    frames[0].save(root / "animated.png", save_all=True, append_images=frames[1:])
    save(root / "jpeg inside.jpg", noise(16, 16)).rename(root / "jpeg inside.png")
    (root / "outside.png").symlink_to("/etc/passwd")
    (root / "outside").symlink_to("/etc")
    (root / "dangling.png").symlink_to("nowhere.png")
    (root / "folder.png").mkdir()


def _png(depth: int, color_type: int, width: int, height: int, pixels: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b"")]
    )
