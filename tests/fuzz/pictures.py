"""Mutations of images: headers that promise too much, other modes and kinds, bombs, notes on orientation."""

import io
import struct
import zlib
from functools import cache
from random import Random

import numpy as np
from PIL import Image

from tests.fuzz.texts import ANY, Mutation

PNG = b"\x89PNG\r\n\x1a\n"
SIDES = (0, 1, 3, 65535, 30000, 10**6, 2**31 - 1, 2**32 - 1)
"""That a header may promise."""


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Names and contents of a PNG's chunks, as far as they can be read."""
    found, at = [], len(PNG)
    while at + 12 <= len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        found.append((name, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def png_of(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG of these chunks, with sums that fit."""
    parts = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return PNG + b"".join(parts)


def change_png(data: bytes, rng: Random) -> bytes:
    """Another header, a chunk more or less, in a file whose sums fit."""
    chunks = png_chunks(data) if data.startswith(PNG) else []
    if not chunks or len(chunks[0][1]) != 13:
        return change_header(data, rng)
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    kind = rng.randrange(6)
    if kind == 0:
        width, height = rng.choice([(rng.choice(SIDES), height), (width, rng.choice(SIDES)), (30000, 30000)])
    elif kind == 1:
        rest[rng.randrange(5)] = rng.choice([0, 1, 2, 3, 4, 6, 7, 8, 16, 255])
    elif kind == 2:
        del chunks[rng.randrange(1, len(chunks)) :]
    elif kind == 3:
        at = rng.randrange(1, len(chunks))
        chunks[at] = chunks[at][0], rng.choice([b"", chunks[at][1][:-5], chunks[at][1] * 2, rng.randbytes(40)])
    elif kind == 4:
        name, text = rng.choice([(b"zTXt", b"a\0\0"), (b"iCCP", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0")])
        chunks.insert(1, (name, text + deflated_zeros()))
    else:
        more = [
            (b"PLTE", bytes(range(9))),
            (b"tRNS", b"\0\1"),
            (b"acTL", b"\0\0\0\2\0\0\0\0"),
            (b"eXIf", b"MM\0*\0\0\0\x08"),
        ]
        chunks.insert(1, rng.choice([*more, (b"IHDR", chunks[0][1]), (b"gAMA", b"\0\0\0\0"), (b"sRGB", b"\x09")]))
    header = struct.pack(">IIBBBBB", width, height, *rest)
    return png_of([(b"IHDR", header), *chunks[1:]])


@cache
def deflated_zeros() -> bytes:
    """200 MB of zeros in 200 kB."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()


def change_header(data: bytes, rng: Random) -> bytes:
    """A number in the first bytes that becomes another one, where a JPEG, BMP or TIFF says its size."""
    at = rng.randrange(2, max(3, min(len(data), 220)))
    new = rng.choice([b"\xff\xff", b"\0\0", b"\x7f\xff\xff\xff", b"\0\1", b"\xff\xff\xff\xff"])
    return data[:at] + new + data[at + len(new) :]


def other_mode(data: bytes, rng: Random) -> bytes:
    """The same picture in another mode, which its kind may or may not hold."""
    mode = rng.choice(["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F", "HSV", "LAB"])
    image = _opened(data)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L"), dtype=np.uint16) * 257)
    else:
        image = image.convert("RGB").convert("L" if mode == "PA" else mode)
    return _saved(image, rng)


def other_size(data: bytes, rng: Random) -> bytes:
    image = _opened(data).convert("RGB")
    width, height = image.size
    sizes = [(width + 1, height), (height, width), (1, 1), (1, 900), (2 * width, 2 * height), (3, 2)]
    return _saved(image.resize(rng.choice(sizes)), rng)


def with_orientation(data: bytes, rng: Random) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = rng.choice([0, 2, 3, 6, 8, 99])
    return _saved(_opened(data).convert("RGB"), rng, exif=exif)


def animated(data: bytes, rng: Random) -> bytes:
    image = _opened(data).convert("RGB")
    buffer = io.BytesIO()
    frames = [image.rotate(90 * turn) for turn in range(1, 3)]
    image.save(buffer, rng.choice(["PNG", "GIF", "WEBP", "TIFF"]), save_all=True, append_images=frames)
    return buffer.getvalue()


def flat_bomb(data: bytes, rng: Random) -> bytes:
    """A few kilobytes that decode to many pixels."""
    return _flat(rng.choice([9600, 15000]))


@cache
def _flat(side: int) -> bytes:
    row = b"\0" + bytes(side // 8)
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return png_of([(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)), (b"IDAT", pixels), (b"IEND", b"")])


def _opened(data: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data))
        if image.width * image.height > 1 << 24:  # a bomb of the mutation before
            raise ValueError
        image.load()
    except Exception:  # it was broken before
        return Image.new("RGB", (32, 24), (90, 40, 10))
    return image


def _saved(image: Image.Image, rng: Random, **options: object) -> bytes:
    for kind in rng.sample(["PNG", "JPEG", "TIFF", "BMP", "WEBP", "PPM"], 6):
        buffer = io.BytesIO()
        try:
            image.save(buffer, kind, **options)
        except (OSError, ValueError, KeyError):  # this kind has no such mode
            continue
        return buffer.getvalue()
    return b""


IMAGES: tuple[Mutation, ...] = (
    *(change_png, change_png, change_header, other_mode, other_mode, other_size, with_orientation, animated),
    *(flat_bomb, *ANY),
)
