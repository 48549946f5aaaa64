"""Photos, in whatever folders."""

from pathlib import Path

from tests.data.layouts.examples.table import put_images


def write_image_folder(root: Path) -> Path:
    """Three images at two depths, and a note."""
    (put_images(root, ("a.png", "trip/b.png", "trip/c.png")) / "notes.txt").write_text("from the car\n")
    return root
