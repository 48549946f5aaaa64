"""Images with a table of classes, as Hugging Face's image folders have it: ``metadata.csv`` with ``file_name``."""

from pathlib import Path

from tests.data.layouts.examples.table import put_images

ROWS = (("train/0001.png", "red"), ("train/0002.png", "green"), ("train/0003.png", "red"))


def write_class_table(root: Path) -> Path:
    """Three images of two classes."""
    put_images(root, tuple(key for key, _ in ROWS))
    lines = ["file_name,label,source", *(f"{key},{name},sim" for key, name in ROWS)]
    (root / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root
