"""Which images a page shows: spread evenly over the classes and the keys, the same on every run."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

from refine.report.refined import RefinedImage

Item = TypeVar("Item")


def evenly(items: Sequence[Item], count: int) -> list[Item]:
    """At most ``count`` items at equal distances."""
    count = min(count, len(items))
    return [items[(2 * index + 1) * len(items) // (2 * count)] for index in range(count)]


def spread(keys: Sequence[str], count: int) -> list[str]:
    """At most ``count`` keys, from each folder as many as from any other as far as it has them, sorted."""
    folders: dict[str, list[str]] = {}
    for key in sorted(keys):
        folders.setdefault(key.rpartition("/")[0], []).append(key)
    chosen = evenly(list(folders.values()), count)
    shares = [0] * len(chosen)
    for _ in range(min(count, sum(map(len, chosen)))):
        open_ones = [place for place, folder in enumerate(chosen) if shares[place] < len(folder)]
        shares[min(open_ones, key=lambda place: shares[place])] += 1
    return sorted(key for folder, share in zip(chosen, shares, strict=True) for key in evenly(folder, share))


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
