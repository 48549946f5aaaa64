"""What an image file's header says, and whether its pixels can be refined and written back the same way."""

import struct
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import Image, UnidentifiedImageError

from refine.data.images import FORMATS as FORMATS
from refine.files import open_file

SIXTEEN_BIT = frozenset({"I;16", "I;16B"})

WRITABLE = {
    "PNG": {"L", "LA", "RGB", "RGBA", "I;16"},
    "JPEG": {"L", "RGB"},
    "MPO": {"L", "RGB"},
    "BMP": {"L", "RGB"},
    "WEBP": {"RGB", "RGBA"},
    "TIFF": {"L", "LA", "RGB", "RGBA", "I;16", "I;16B"},
    "PPM": {"L", "RGB", "I"},
}
"""Modes that come back from a file of this format just as they went in."""

TIFF_FOLDERS = (34665, 34853)
"""EXIF and GPS: tags whose value is a place in the file. libtiff's writer cannot make them."""

LOSSLESS_TIFF = frozenset({"raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd", "lzma"})


MOST_PER_PIXEL, MOST_BESIDE = 8, 1 << 25
"""Bytes of a file for each pixel, 4 channels of 16 bits, and for all else: profiles, previews, what cameras append."""


class Glance(NamedTuple):
    """One image's header."""

    format: str
    """Pillow's name of the format, by content: the suffix may lie."""
    mode: str
    """Pillow's mode."""
    height: int
    width: int
    depth: int
    """Bits a channel, as stored."""
    frames: int
    oddity: str | None
    """Why this file cannot be written back as it is stored, where mode and depth do not say it."""

    @property
    def channels(self) -> int:
        """Color channels, without alpha: 1 or 3."""
        return 3 if self.mode in {"RGB", "RGBA"} else 1

    @property
    def deep(self) -> bool:
        """Whether it is a 16-bit gray image."""
        return self.depth == 16


def glance(file: BinaryIO | Path) -> Glance:
    """Read a header.

    Raises:
        ValueError: With the reason, if the content is that of no image. Whatever else Pillow raises on
            damaged headers passes through.
    """
    if isinstance(file, Path):
        with open_file(file) as opened:
            return glance(opened)
    start = file.read(64)
    if not start:
        raise ValueError("empty file")
    file.seek(0)
    try:
        with Image.open(file, formats=FORMATS) as image:
            return _facts(image, start)
    except UnidentifiedImageError as error:
        raise ValueError("the content is not that of a PNG, JPEG, BMP, WebP, TIFF or PPM image") from error


def glance_at(content: bytes) -> Glance:
    """`glance` at a file in memory."""
    return glance(BytesIO(content))


def obstacle(seen: Glance, network_channels: int, size: int = 0) -> str | None:
    """Why an image is listed and not refined; None if nothing stands in the way.

    Args:
        seen: The image's header.
        network_channels: 1 for a network on gray images, 3 for RGB.
        size: Bytes of its file.
    """
    most = MOST_PER_PIXEL * seen.height * seen.width + MOST_BESIDE
    if size > most:
        return f"{size} bytes, but {seen.height}x{seen.width} pixels take up to {most} with all metadata: save it anew"
    if seen.frames > 1:
        return f"{seen.frames} frames: refine single images"
    if seen.mode in {"P", "PA"}:
        return "palette image: convert it to RGB first, or leave it out with --images"
    if seen.mode == "1":
        return "1-bit image: leave it out with --images, or convert it to gray first"
    if seen.mode == "CMYK":
        return "CMYK image: convert it to RGB first"
    if seen.oddity:
        return seen.oddity
    wide_gray = seen.mode in SIXTEEN_BIT or (seen.format == "PPM" and seen.mode == "I")
    if seen.depth != (16 if wide_gray else 8):
        return f"{seen.depth} bits a channel in mode {seen.mode}: only 8-bit images and 16-bit gray ones are refined"
    if seen.mode not in WRITABLE[seen.format]:
        return f"mode {seen.mode} in a {seen.format} file cannot be written back the same: convert it first"
    if seen.channels == 3 and network_channels == 1:
        return "color image, but the network is for gray ones"
    return None


def _facts(image: Image.Image, start: bytes) -> Glance:
    kind = str(image.format)
    depth, oddity = {"1": 1, "I": 32, "F": 32}.get(image.mode, 8), None
    if kind == "PNG":
        depth = start[24]
    elif kind == "BMP":
        old = struct.unpack_from("<I", start, 14)[0] == 12
        bits = struct.unpack_from("<H", start, 24 if old else 28)[0]
        oddity = "16-bit BMP: convert it to 24 bits first" if bits == 16 else None
    elif kind == "TIFF":
        depth, oddity = _tiff(image)
    elif kind == "PPM":
        tiles = getattr(image, "tile", [])
        raw = bool(tiles) and tiles[0][0] == "raw"
        depth = 16 if image.mode == "I" and raw else depth
        oddity = None if raw else "a PPM written as text, or with levels that do not end at 255: convert it first"
    return Glance(kind, image.mode, image.height, image.width, depth, int(getattr(image, "n_frames", 1)), oddity)


def _tiff(image: Image.Image) -> tuple[int, str | None]:
    tags = getattr(image, "tag_v2", {})
    depths = set(tags.get(258, (1,)))
    compression = image.info.get("compression", "raw")
    if len(depths) > 1:
        return max(depths), "TIFF with channels of different depth: convert it first"
    if tags.get(274, 1) != 1:  # Pillow turns the pixels as it reads, so the stored ones are out of reach
        return max(depths), "TIFF with an orientation tag: turn its pixels and drop the tag first"
    if compression not in LOSSLESS_TIFF:
        return max(depths), f"TIFF with {compression} compression: convert it to a lossless one first"
    if compression != "raw" and any(tag in tags for tag in TIFF_FOLDERS):
        return max(depths), "compressed TIFF with EXIF or GPS folders, which could not be kept: store it uncompressed"
    return int(max(depths)), None
