"""Image files: what their headers say, their pixels as tensors, and tensors as levels.

Whether an image can be refined and written back the same way is `obstacle`; how `apply` does it is in
`refine/apply/codec.py`.
"""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from refine.data.listing import IMAGE_SUFFIXES, Listing
from refine.errors import InputError, UnreadableImage
from refine.files import open_file, why

# What matters about a file is listed with its reason. Here, and not around each image: threads would take away each
# other's filters
warnings.filterwarnings("ignore", module=r"PIL\.")

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "PPM")
"""What is opened at all: Pillow knows formats whose decoders start other programs."""

WRITABLE_MODES = {
    "PNG": {"L", "LA", "RGB", "RGBA", "I;16"},
    "JPEG": {"L", "RGB"},
    "MPO": {"L", "RGB"},
    "BMP": {"L", "RGB"},
    "WEBP": {"RGB", "RGBA"},
    "TIFF": {"L", "LA", "RGB", "RGBA", "I;16", "I;16B"},
    "PPM": {"L", "RGB", "I"},
}
"""Modes that come back from a file of this format just as they went in."""

REFUSED_MODES = {
    "P": "palette image: convert it to RGB first, or leave it out with --images",
    "PA": "palette image: convert it to RGB first, or leave it out with --images",
    "1": "1-bit image: leave it out with --images, or convert it to gray first",
    "CMYK": "CMYK image: convert it to RGB first, or leave it out with --images",
}

TIFF_FOLDERS = (34665, 34853)
"""EXIF and GPS: tags whose value is a place in the file. libtiff's writer cannot make them."""

LOSSLESS_TIFF = frozenset({"raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd", "lzma"})

BYTES_PER_PIXEL, BYTES_OF_METADATA = 8, 1 << 25
"""The most of a file for each pixel, 4 channels of 16 bits, and for profiles, previews, what cameras append."""


class ImageHeader(NamedTuple):
    """What the header of one image file says."""

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
    def is_16_bit(self) -> bool:
        """Whether it is a 16-bit gray image."""
        return self.depth == 16


def read_header(file: Path | BinaryIO | bytes) -> ImageHeader:
    """Read the header of a file, or of its content.

    Raises:
        ValueError: With the reason, if the content is not that of an image. Whatever else Pillow raises on
            damaged headers passes through.
    """
    if isinstance(file, Path):
        with open_file(file) as content:
            return read_header(content)
    if isinstance(file, bytes):
        return read_header(BytesIO(file))
    start = file.read(64)
    if not start:
        raise ValueError("empty file")
    file.seek(0)
    try:
        with Image.open(file, formats=FORMATS) as image:
            depth, oddity = _depth_and_oddity(image, start)
            frames = int(getattr(image, "n_frames", 1))
            return ImageHeader(str(image.format), image.mode, image.height, image.width, depth, frames, oddity)
    except UnidentifiedImageError as error:
        raise ValueError("the content is not that of a PNG, JPEG, BMP, WebP, TIFF or PPM image") from error


def _depth_and_oddity(image: Image.Image, start: bytes) -> tuple[int, str | None]:
    depth = {"1": 1, "I": 32, "F": 32}.get(image.mode, 8)
    if image.format == "PNG":
        return start[24], None
    if image.format == "BMP":
        old = struct.unpack_from("<I", start, 14)[0] == 12
        bits = struct.unpack_from("<H", start, 24 if old else 28)[0]
        return depth, "16-bit BMP: convert it to 24 bits first" if bits == 16 else None
    if image.format == "PPM":
        tiles = getattr(image, "tile", [])
        if not tiles or tiles[0][0] != "raw":
            return depth, "a PPM written as text, or with levels that do not end at 255: convert it first"
        return 16 if image.mode == "I" else depth, None
    return _tiff_depth_and_oddity(image) if image.format == "TIFF" else (depth, None)


def _tiff_depth_and_oddity(image: Image.Image) -> tuple[int, str | None]:
    tags, compression = getattr(image, "tag_v2", {}), image.info.get("compression", "raw")
    depths, oddity = set(tags.get(258, (1,))), None
    if len(depths) > 1:
        oddity = "TIFF with channels of different depth: convert it first"
    elif tags.get(274, 1) != 1:  # Pillow turns the pixels as it reads, so the stored ones are out of reach
        oddity = "TIFF with an orientation tag: turn its pixels and drop the tag first"
    elif compression not in LOSSLESS_TIFF:
        oddity = f"TIFF with {compression} compression: convert it to a lossless one first"
    elif compression != "raw" and any(tag in tags for tag in TIFF_FOLDERS):
        oddity = "compressed TIFF with EXIF or GPS folders, which could not be kept: store it uncompressed"
    return int(max(depths)), oddity


def obstacle(header: ImageHeader, network_channels: int, size: int = 0) -> str | None:
    """Why an image is listed and not refined; None if nothing stands in the way.

    Args:
        header: The image's header.
        network_channels: 1 for a network on gray images, 3 for RGB.
        size: Bytes of its file.
    """
    height, width, mode = header.height, header.width, header.mode
    most = BYTES_PER_PIXEL * height * width + BYTES_OF_METADATA
    if size > most:
        return f"{size} bytes, but {height}x{width} pixels take up to {most} with all metadata: save it anew"
    if header.frames > 1:
        return f"{header.frames} frames: refine single images"
    if reason := REFUSED_MODES.get(mode) or header.oddity:
        return reason
    wide_gray = mode in {"I;16", "I;16B"} or (header.format == "PPM" and mode == "I")
    if header.depth != (16 if wide_gray else 8):
        return f"{header.depth} bits a channel in mode {mode}: only 8-bit images and 16-bit gray ones are refined"
    if mode not in WRITABLE_MODES[header.format]:
        return f"mode {mode} in a {header.format} file cannot be written back the same: convert it first"
    if header.channels == 3 and network_channels == 1:
        return "color image, but the network is for gray ones"
    return None


@contextmanager
def opened(path: Path, content: BinaryIO | None = None) -> Iterator[Image.Image]:
    """Open an image: its header is read, its pixels load on demand inside the block.

    Args:
        path: The file, or what to call the image in errors.
        content: Its bytes from their beginning, where it lies inside another file.

    Raises:
        InputError: If the file is not an image of `FORMATS`, or the block stumbles over damage in it.
    """
    try:
        with (
            nullcontext(content) if content else open_file(path) as file,
            Image.open(file, formats=FORMATS) as image,
        ):
            yield image
    except InputError:
        raise
    except Exception as error:  # damaged files raise whatever the decoder stumbled over
        # Pillow's text would name an object in memory.
        about = "its content is not that of an image" if isinstance(error, UnidentifiedImageError) else why(error)
        # Without memory, or on a disk that does not answer, nothing is known of the image.
        passing = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None)
        kind = InputError if passing else UnreadableImage
        raise kind(f"{path}: cannot be read as an image ({about}); replace or remove it") from error


def image_size(path: Path) -> tuple[int, int]:
    """Height and width from the file's header alone; errors as of `opened`."""
    with opened(path) as image:
        return image.height, image.width


def image_format(path: Path) -> str:
    """Format by the file's header, in lower case: ``png``, ``jpeg``; errors as of `opened`."""
    with opened(path) as image:
        return (image.format or "unknown").lower()


def has_color(path: Path) -> bool:
    """Whether an image is in color, by its header alone; errors as of `opened`."""
    with opened(path) as image:
        return not is_gray(image.mode)


def is_gray(mode: str) -> bool:
    """Whether images of this Pillow mode have no color: 1, 8, 16 (either byte order) and 32 bits, with alpha or not."""
    return mode in {"1", "L", "LA", "F"} or mode.startswith("I")


def require_size(label: Path, image: Path) -> None:
    """Hold a label image against its image.

    Raises:
        InputError: If their sizes differ, or one cannot be read.
    """
    (height, width), (label_height, label_width) = image_size(image), image_size(label)
    if (height, width) != (label_height, label_width):
        raise InputError(
            f"{label}: {label_height}x{label_width} (height x width), but {image} is {height}x{width}; "
            "a label needs its image's size"
        )


def is_image_name(path: Path) -> bool:
    """Whether a file's suffix is one that `refine` reads as an image. Hidden files never are."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def list_images(root: Path) -> list[Path]:
    """Every image file below a folder, sorted by its relative path.

    Raises:
        InputError: If ``root`` is not a folder, or holds no image.
    """
    return [root / key for key in Listing(root).require_images()]


def read_image(path: Path, channels: int, content: BinaryIO | None = None) -> Tensor:
    """Decode one image to ``(channels, H, W)`` uint8, gray or RGB, without turning it by its EXIF tag.

    Args:
        path: As `opened` takes it.
        channels: 1 or 3.
        content: As `opened` takes it.

    Raises:
        InputError: If the file cannot be decoded to its end, or has more channels than asked for.
    """
    with opened(path, content) as image:
        image.load()
        if channels == 1 and not is_gray(image.mode):
            raise InputError(
                f"{path}: expected a gray image, found mode {image.mode}; give --data.channels 3, "
                "or convert the dataset to gray"
            )
        eight_bit = image
        if image.mode.startswith("I"):  # Pillow's own conversion clips at 255 instead of scaling
            eight_bit = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
        array = np.array(eight_bit.convert("L" if channels == 1 else "RGB"))  # a copy: torch wants writable memory
    return torch.from_numpy(array.reshape(*array.shape[:2], channels)).permute(2, 0, 1).contiguous()


def to_float(levels: Tensor) -> Tensor:
    """8-bit levels 0 … 255 to float32 in [-1, 1], any shape."""
    return levels.to(torch.float32) / 127.5 - 1.0


def to_levels(images: Tensor) -> Tensor:
    """Floats in [-1, 1] to uint8 levels, rounded to the nearest and clamped, any shape."""
    return ((images.float() + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)


def resize_levels(image: Tensor, size: tuple[int, int] | None) -> Tensor:
    """Resize ``(C, H, W)`` uint8 to ``size`` (height, width), antialiased bilinear; None keeps it."""
    if size is None or tuple(image.shape[-2:]) == tuple(size):
        return image
    resized = torch.nn.functional.interpolate(
        image[None].float(), size=list(size), mode="bilinear", antialias=True, align_corners=False
    )
    return resized[0].round().clamp(0, 255).to(torch.uint8)
