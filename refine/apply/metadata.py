"""What stands in an image file beside its pixels, moved into a new file byte for byte where the format allows."""

import struct
from collections.abc import Iterator
from typing import Any

from PIL import Image, TiffImagePlugin

from refine.data.images import TIFF_FOLDERS

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_KEPT = frozenset(
    b"tRNS gAMA cHRM sRGB iCCP cICP mDCV cLLI sBIT bKGD pHYs tIME tEXt zTXt iTXt eXIf sTER oFFs pCAL sCAL".split()
)
"""Ancillary chunks that say nothing of how the pixels are packed. Of unknown ones, those that PNG's naming
declares safe to copy are kept too."""

TIFF_LAYOUT = frozenset(
    {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 338, 339, 347}
)
"""Tags that say how the pixels are packed."""


def splice_png(encoded: bytes, source: bytes) -> bytes:
    """The pixels of one PNG with the ancillary chunks of another, in their places before and after the pixels."""
    before, after = bytearray(), bytearray()
    seen_pixels = False
    for name, chunk in _chunks(source):
        seen_pixels = seen_pixels or name == b"IDAT"
        if name in PNG_KEPT or (name[0] & 0x20 and name[3] & 0x20):
            (after if seen_pixels else before).extend(chunk)
    own = list(_chunks(encoded))
    header = b"".join(chunk for name, chunk in own if name == b"IHDR")
    pixels = b"".join(chunk for name, chunk in own if name == b"IDAT")
    end = b"".join(chunk for name, chunk in own if name == b"IEND")
    return b"".join([PNG_SIGNATURE, header, bytes(before), pixels, bytes(after), end])


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, at)
        name, end = png[at + 4 : at + 8], at + 12 + length
        if end > len(png):
            return
        yield name, png[at:end]
        if name == b"IEND":
            return
        at = end


def splice_jpeg(encoded: bytes, source: bytes) -> bytes:
    """The pixels of one JPEG with the application segments and comments of another."""
    kept = b"".join(
        segment for marker, segment in _segments(source) if _is_metadata(marker) and not _about_packing(marker, segment)
    )
    own = list(_segments(encoded))
    start = 2 + sum(len(segment) for _, segment in own)
    return b"\xff\xd8" + kept + b"".join(s for marker, s in own if not _is_metadata(marker)) + encoded[start:]


def _is_metadata(marker: int) -> bool:
    return 0xE0 <= marker <= 0xEF or marker == 0xFE


def _about_packing(marker: int, segment: bytes) -> bool:
    # Adobe's segment says how color was coded, MPF where further images lie in the file: neither is true any more
    return marker == 0xEE or segment[4:8] == b"MPF\0"


def _segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and bytes of every segment before the first scan."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker = jpeg[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        (length,) = struct.unpack_from(">H", jpeg, at + 2)
        if marker == 0xDA or length < 2 or at + 2 + length > len(jpeg):
            return
        yield marker, jpeg[at : at + 2 + length]
        at += 2 + length


def tiff_tags(image: Image.Image) -> TiffImagePlugin.ImageFileDirectory_v2:
    """A TIFF's tags but for those that say how its pixels are packed. Call it before the pixels are read."""
    source: Any = getattr(image, "tag_v2")  # noqa: B009 - only TIFF images have it
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in source.items():
        if tag not in TIFF_LAYOUT and tag not in TIFF_FOLDERS:
            tags.tagtype[tag] = source.tagtype[tag]
            tags[tag] = value
    exif = image.getexif()
    for tag in TIFF_FOLDERS:
        if folder := exif.get_ifd(tag):
            tags[tag] = folder
    return tags
