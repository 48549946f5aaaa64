"""SYNTHIA-RAND-CITYSCAPES as SYNTHIA_RAND_CITYSCAPES.rar unpacks: class and instance in 16-bit color PNGs."""

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refine.data.label_table import load_table
from tests.data.layouts.examples.street import photo, scene, things

FROM_CITYSCAPES = {23: 1, 11: 2, 7: 3, 26: 8, 24: 10}


def write_synthia(root: Path) -> Path:
    """Three frames with classes, instances, colors and depth."""
    colors = np.array([entry.color for entry in load_table("synthia").entries], dtype=np.uint8)
    for folder in ("RGB", "GT/LABELS", "GT/COLOR", "Depth"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "README.txt").write_text("SYNTHIA: The SYNTHetic collection of Imagery and Annotations\n", encoding="utf-8")
    for seed in range(3):
        name = f"{seed:07d}.png"
        Image.fromarray(photo(seed)).save(root / "RGB" / name)
        classes = classes_of(seed)
        Image.fromarray(colors[classes]).save(root / "GT" / "COLOR" / name)
        numbers = things(seed)
        instances = np.where(numbers >= 1000, numbers // 10, 0)  # beyond what 8 bits hold, as in the dataset
        write_wide_png(root / "GT" / "LABELS" / name, np.stack([classes, instances, np.zeros_like(classes)], axis=2))
        write_wide_png(root / "Depth" / name, np.stack([centimeters(classes)] * 3, axis=2))
    return root


def classes_of(seed: int) -> NDArray[np.uint16]:
    """``(H, W)``: the street scene in SYNTHIA's ids, with a lane marking, 22."""
    ids = np.zeros(scene(seed).shape, dtype=np.uint16)
    for before, after in FROM_CITYSCAPES.items():
        ids[scene(seed) == before] = after
    ids[22, ::2] = 22
    return ids


def centimeters(classes: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """``(H, W)``: the sky as far as it goes, the rest nearer from row to row."""
    rows = np.arange(len(classes))[::-1, None] * 150 + 407
    return np.where(classes == 1, 65535, rows).astype(np.uint16)


def write_wide_png(path: Path, channels: NDArray[np.uint16]) -> None:
    """A PNG of 16 bits each for red, green and blue, ``(H, W, 3)``: Pillow writes none."""
    height, width, _ = channels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in channels)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        content += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(content)
