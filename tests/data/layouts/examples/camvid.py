"""CamVid as SegNet's authors and as its own authors arranged it."""

from pathlib import Path

from refine.data.label_table import load_table
from tests.data.layouts.examples.scenes import colors_of, ids_of, photo, save, street

FRAMES = {"train": ("0001TP_006690", "0006R0_f00930"), "val": ("0016E5_07959",), "test": ("Seq05VD_f00000",)}
NAMES11 = ("sky", "tree", "road", "road", "car", "void")
NAMES32 = ("Sky", "Tree", "Road", "LaneMkgsDriv", "Car", "Void")


def write_camvid(root: Path) -> Path:
    """SegNet's: four images in three splits, ids 0 to 11, and its lists with the paths of its authors."""
    table = load_table("camvid11")
    for split, names in FRAMES.items():
        for number, name in enumerate(names):
            things = street(number)
            save(photo(things, number), root / split / f"{name}.png")
            save(ids_of(things, table, NAMES11), root / f"{split}annot" / f"{name}.png")
        lines = [f"/SegNet/CamVid/{split}/{name}.png /SegNet/CamVid/{split}annot/{name}.png" for name in names]
        (root / f"{split}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def write_camvid_original(root: Path) -> Path:
    """The original: two images, masks in 32 colors, and the colors' list."""
    table = load_table("camvid32")
    for number, name in enumerate(("0001TP_006690", "0006R0_f00930")):
        things = street(number)
        save(photo(things, number), root / "701_StillsRaw_full" / f"{name}.png")
        save(colors_of(things, table, NAMES32), root / "LabeledApproved_full" / f"{name}_L.png")
    lines = [f"{' '.join(map(str, entry.color or ()))}\t{entry.name}" for entry in table.entries]
    (root / "label_colors.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root
