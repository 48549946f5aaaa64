"""One folder a class."""

from pathlib import Path

from tests.data.layouts.examples.table import put_images


def write_class_folders(root: Path) -> Path:
    """Four images of two classes."""
    return put_images(root, ("green/a.png", "green/deep/b.png", "red/a.png", "red/c.png"))
