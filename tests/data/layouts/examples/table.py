"""Eye images with a table of gaze angles beside them."""

from pathlib import Path

import numpy as np
from PIL import Image

ROWS = (("eyes/one.png", 0.1, -0.2), ("eyes/two, with comma.png", 0.3, 0.4), ("three.png", -0.25, 0.0))


def put_images(root: Path, keys: tuple[str, ...]) -> Path:
    """Gray images of 24x32, each different."""
    for number, key in enumerate(keys):
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (24, 32), dtype=np.uint8)
        Image.fromarray(pixels).save(root / key)
    return root


def write_table(root: Path) -> Path:
    """Three images, and ``gaze.csv`` as a spreadsheet writes it: with a byte order mark and quotes around commas."""
    put_images(root, tuple(key for key, _, _ in ROWS))
    lines = ["path,pitch,yaw", *(f'"{key}",{pitch},{yaw}' for key, pitch, yaw in ROWS)]
    (root / "gaze.csv").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8-sig")
    return root
