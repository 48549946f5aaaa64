"""An image file to pixels, and refined pixels to a file of the same format, mode and metadata."""

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from refine.data.images import FORMATS, TIFF_FOLDERS, ImageHeader, read_header
from refine.files import why

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

Levels = NDArray[np.uint8] | NDArray[np.uint16]


class DecodedImage(NamedTuple):
    """One decoded file."""

    seen: ImageHeader
    color: Levels
    """``(H, W, 1 or 3)`` as stored, never turned: 0 … 255, or 0 … 65535 for 16-bit gray."""
    alpha: NDArray[np.uint8] | None = None
    """``(H, W)``, 0 … 255."""
    key_color: tuple[int, ...] | None = None
    """The color that stands for transparent, in PNG files that have one."""
    content: bytes = b""
    """The file itself: its metadata goes into the new one."""


def decode(content: bytes) -> DecodedImage:
    """Decode a file to its last pixel.

    Raises:
        ValueError: With the reason, if the content is not an image. Whatever Pillow raises on damaged files
            passes through.
    """
    seen = read_header(content)
    with Image.open(BytesIO(content), formats=FORMATS) as image:
        image.load()
        array = np.asarray(image)
        key = image.info.get("transparency") if seen.format == "PNG" else None
    if seen.is_16_bit:
        array = array.astype(np.uint16)
    array = array[:, :, None] if array.ndim == 2 else array
    if array.shape[:2] != (seen.height, seen.width):
        raise ValueError("the pixels do not fill the size that the header gives")
    color, alpha = (array[..., :-1], array[..., -1]) if seen.mode in {"LA", "RGBA"} else (array, None)
    key_color = (key,) if isinstance(key, int) else key if isinstance(key, tuple) else None
    return DecodedImage(seen, color, alpha, key_color, content)


def encode(picture: DecodedImage, color: Levels) -> tuple[bytes, Levels]:
    """Encode a file like ``picture``'s own with other color. Alpha stays exactly as it was.

    PNG: lossless, by the fastest of Pillow's encoders. JPEG: quality 95 without chroma subsampling. WebP:
    lossless stays lossless, lossy gets quality 95. TIFF: the same lossless compression.

    Args:
        picture: The decoded original.
        color: Refined levels, shape and type of ``picture.color``.

    Returns:
        The file, and the levels in it (before JPEG's or WebP's loss).

    Raises:
        ValueError: If the file would not come back with the original's size and mode.
    """
    seen = picture.seen
    color = _respect_key_color(picture, color)
    whole = color if picture.alpha is None else np.concatenate([color, picture.alpha[..., None]], axis=2)
    whole = np.ascontiguousarray(whole[:, :, 0] if whole.shape[2] == 1 else whole)
    if seen.mode in {"I;16B", "I"}:
        whole = whole.astype(">u2" if seen.mode == "I;16B" else np.int32)
    buffer = BytesIO()
    Image.fromarray(whole).save(buffer, "JPEG" if seen.format == "MPO" else seen.format, **_options(picture))
    data = buffer.getvalue()
    if seen.format == "PNG":
        data = splice_png(data, picture.content)
    elif seen.format in {"JPEG", "MPO"}:
        data = splice_jpeg(data, picture.content)
    written = read_header(data)
    if any(getattr(written, name) != getattr(seen, name) for name in ("mode", "depth", "height", "width")):
        raise ValueError(f"mode {seen.mode} would come back as {written.mode} from a {written.format} file")
    return data, color


def try_to_encode(picture: DecodedImage, color: Levels) -> tuple[bytes, Levels] | str:
    """`encode`, or the reason why the image cannot be written: whatever an encoder raises concerns its file alone."""
    try:
        return encode(picture, color)
    except Exception as error:
        return not_written_back(error)


def not_written_back(error: Exception) -> str:
    """Return the reason in the manifest for an image that cannot be written in its own format."""
    return f"cannot be written back the same ({why(error)})"


def mean_absolute_change(before: Levels, after: Levels) -> float:
    """Return the mean over all pixels and color channels, in levels of 0 … 255, rounded to 4 decimals."""
    scale = 257.0 if before.dtype == np.uint16 else 1.0
    difference = np.abs(before.astype(np.int32) - after.astype(np.int32))
    return round(float(difference.mean(dtype=np.float64)) / scale, 4)


def _respect_key_color(picture: DecodedImage, color: Levels) -> Levels:
    """Exactly the pixels that were of the transparent color are so afterwards."""
    if picture.key_color is None:
        return color
    color = color.copy()
    key = np.array(picture.key_color, dtype=color.dtype)
    was = (picture.color == key).all(axis=2)
    by_chance = (color == key).all(axis=2) & ~was
    color[by_chance, -1] = int(key[-1]) - 1 if key[-1] else 1
    color[was] = key
    return color


def _options(picture: DecodedImage) -> dict[str, Any]:
    """Options of Pillow's encoder of this format."""
    kind = picture.seen.format
    if kind == "PNG":
        return {"compress_level": 1, "compress_type": 3}
    if kind == "PPM":
        return {}
    with Image.open(BytesIO(picture.content), formats=FORMATS) as source:
        info = cast(dict[str, Any], source.info)
        if kind in {"JPEG", "MPO"}:
            return {"quality": 95, "subsampling": 0, "progressive": bool(info.get("progressive"))}
        if kind == "BMP":
            return {"dpi": info["dpi"]} if "dpi" in info else {}
        if kind == "TIFF":
            return {"compression": info.get("compression", "raw"), "tiffinfo": tiff_tags(source)}
        kept = {name: info[name] for name in ("exif", "icc_profile", "xmp") if info.get(name)}
        if b"VP8L" in _webp_chunks(picture.content):
            return {**kept, "lossless": True, "quality": 0, "method": 0, "exact": True}
        return {**kept, "quality": 95, "alpha_quality": 100, "exact": True}


def _webp_chunks(content: bytes) -> set[bytes]:
    names, at = set(), 12
    while at + 8 <= len(content):
        names.add(content[at : at + 4])
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    return names


def splice_png(encoded: bytes, source: bytes) -> bytes:
    """Return the pixels of one PNG with the ancillary chunks of another, in their places before or after the pixels."""
    before, after = bytearray(), bytearray()
    seen_pixels = False
    for name, chunk in _chunks(source):
        seen_pixels = seen_pixels or name == b"IDAT"
        if name in PNG_KEPT or (name[0] & 0x20 and name[3] & 0x20):
            (after if seen_pixels else before).extend(chunk)
    own = list(_chunks(encoded))
    header, pixels, end = (
        b"".join(chunk for name, chunk in own if name == wanted) for wanted in (b"IHDR", b"IDAT", b"IEND")
    )
    return b"".join([PNG_SIGNATURE, header, before, pixels, after, end])


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
    """Return the pixels of one JPEG with the application segments and comments of another."""
    kept = [
        segment for marker, segment in _segments(source) if _is_metadata(marker) and not _about_packing(marker, segment)
    ]
    own = list(_segments(encoded))
    packing = [segment for marker, segment in own if not _is_metadata(marker)]
    pixels = encoded[2 + sum(len(segment) for _, segment in own) :]
    return b"".join([b"\xff\xd8", *kept, *packing, pixels])


def _is_metadata(marker: int) -> bool:
    return 0xE0 <= marker <= 0xEF or marker == 0xFE


def _about_packing(marker: int, segment: bytes) -> bool:
    # Adobe's segment says how color was coded, MPF where more images lie in the file: neither is true any more
    return marker == 0xEE or segment[4:8] == b"MPF\0"


def _segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and bytes of every segment before the first scan."""
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
    """Return a TIFF's tags but for those that say how its pixels are packed. Call it before the pixels are read."""
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
