"""GTA5 as 01_images.zip and 01_labels.zip unpack: numbered PNGs, the label maps with Cityscapes' palette."""

from pathlib import Path

from PIL import Image

from refine.data.label_table import load_table
from tests.data.layouts.examples.street import photo, scene

PLATE = 34
"""License plates: one pixel in each map. They have no id in Cityscapes' own files."""


def write_gta5(root: Path) -> Path:
    """Three frames."""
    palette = [level for entry in load_table("gta5").entries for level in entry.color or (0, 0, 0)]
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for seed in range(3):
        ids = scene(seed)
        ids[18, 6 + 2 * seed] = PLATE
        Image.fromarray(photo(seed)).save(root / "images" / f"{seed + 1:05d}.png")
        label = Image.fromarray(ids, "P")
        label.putpalette(palette)
        label.save(root / "labels" / f"{seed + 1:05d}.png")
    return root
