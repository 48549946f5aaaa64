"""Which images a page shows: spread evenly over the classes and the keys, the same on every run."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from refine.report.refined import RefinedImage


def beside(key: str, real: Sequence[Path], number: int) -> Path:
    """A real image to show beside a key: of the folder with the same name, if there is one.

    Args:
        key: The synthetic image's.
        real: Sorted; not empty.
        number: Another one for each number.
    """
    folder = PurePosixPath(key).parent.name
    same = [path for path in real if path.parent.name == folder] if folder else []
    pool = same or list(real)
    return pool[number * 7919 % len(pool)]  # a prime stride: neighboring files are often frames of one scene


def extremes(images: Sequence[RefinedImage], count: int) -> tuple[list[RefinedImage], list[RefinedImage]]:
    """The images that changed most, and of the others those that changed least."""
    by_change = sorted(images, key=lambda image: (-image.change, image.key))
    return by_change[:count], by_change[count:][-count:][::-1]
