"""An image file to pixels, and refined pixels to a file of the same format, mode and metadata."""

from io import BytesIO
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refine.apply.files import hex_digest
from refine.apply.metadata import splice_jpeg, splice_png, tiff_tags
from refine.data.images import FORMATS, ImageHeader, read_header

Levels = NDArray[np.uint8] | NDArray[np.uint16]


class Picture(NamedTuple):
    """One decoded file."""

    seen: ImageHeader
    color: Levels
    """``(H, W, 1 or 3)`` as stored, never turned: 0 … 255, or 0 … 65535 for 16-bit gray."""
    alpha: NDArray[np.uint8] | None
    """``(H, W)``, 0 … 255."""
    key_color: tuple[int, ...] | None
    """The color that stands for transparent, in PNG files that have one."""
    content: bytes
    """The file itself: its metadata goes into the new one."""
    sha256: str
    """Of ``content``."""


def decode(content: bytes) -> Picture:
    """A file's pixels, to the last one.

    Raises:
        ValueError: With the reason, if the content is no image. Whatever Pillow raises on damaged files
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
    return Picture(seen, color, alpha, key_color, content, hex_digest(content))


def encode(picture: Picture, color: Levels) -> tuple[bytes, Levels]:
    """A file like ``picture``'s own with other color. Alpha stays exactly as it was.

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
    color = _respect_key_color(picture, color)
    whole = color if picture.alpha is None else np.concatenate([color, picture.alpha[..., None]], axis=2)
    whole = np.ascontiguousarray(whole[:, :, 0] if whole.shape[2] == 1 else whole)
    if picture.seen.mode == "I;16B":
        whole = whole.astype(">u2")
    if picture.seen.mode == "I":
        whole = whole.astype(np.int32)
    image = Image.fromarray(whole)
    buffer = BytesIO()
    options = _options(picture)
    image.save(buffer, "JPEG" if picture.seen.format == "MPO" else picture.seen.format, **options)
    data = buffer.getvalue()
    if picture.seen.format == "PNG":
        data = splice_png(data, picture.content)
    elif picture.seen.format in {"JPEG", "MPO"}:
        data = splice_jpeg(data, picture.content)
    written = read_header(data)
    if (written.mode, written.depth, written.height, written.width) != (
        picture.seen.mode,
        picture.seen.depth,
        picture.seen.height,
        picture.seen.width,
    ):
        raise ValueError(f"mode {picture.seen.mode} would come back as {written.mode} from a {written.format} file")
    return data, color


def mean_absolute_change(before: Levels, after: Levels) -> float:
    """In levels of 0 … 255 over all pixels and color channels, rounded to 4 decimals."""
    scale = 257.0 if before.dtype == np.uint16 else 1.0
    difference = np.abs(before.astype(np.int32) - after.astype(np.int32))
    return round(float(difference.mean(dtype=np.float64)) / scale, 4)


def _respect_key_color(picture: Picture, color: Levels) -> Levels:
    """Exactly the pixels that were of the transparent color are so afterwards."""
    if picture.key_color is None:
        return color
    color = color.copy()
    key = np.array(picture.key_color, dtype=color.dtype)
    was = (picture.color == key).all(axis=2)
    by_chance = (color == key).all(axis=2) & ~was
    neighbor = int(key[-1]) - 1 if key[-1] else 1
    color[by_chance, -1] = neighbor
    color[was] = key
    return color


def _options(picture: Picture) -> dict[str, Any]:
    """What Pillow's encoder of this format is told."""
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
