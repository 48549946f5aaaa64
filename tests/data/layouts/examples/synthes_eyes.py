"""The tree of SynthesEyes: a folder for each eye, renders of 120x80 with transparency, a pickle beside each."""

from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("f01/f01_36_0.1963_-0.7854", "f01/f01_122_-0.0000_-0.0000", "m05/m05_9_-0.3927_0.1963")


def write_synthes_eyes(root: Path) -> Path:
    """Three renders; their pickles are no pickles, so that whoever opens one fails."""
    for number, name in enumerate(NAMES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        ramp = np.linspace(40 + number, 200, 120, dtype=np.uint8)
        pixels = np.dstack([np.tile(ramp, (80, 1))] * 3 + [np.full((80, 120), 255, np.uint8)])
        Image.fromarray(pixels, "RGBA").save(root / f"{name}.png")
        (root / f"{name}.pkl").write_bytes(b"never opened\x00\xff" + bytes([number]))
    return root
