"""Whether images are painted in a few colors, as label maps for people are."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from refine.data.glance import FORMATS
from refine.files import open_file

FEW = 64
"""Label maps have at most this many colors."""
TIMES_MORE = 4
"""An image has at least this many times the colors of its label map."""
SAMPLE = 8


def looks_painted(source: Path, pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether of up to 8 pairs, spread over all, more than half are a label map and a picture.

    Args:
        source: The dataset.
        pairs: Keys of what may be label maps, each with that of its partner.
    """
    count = min(SAMPLE, len(pairs))
    sample = [pairs[number * len(pairs) // count] for number in range(count)]
    against = 0
    for label, image in sample:
        if not _is_painted(source / label, source / image):
            against += 1
            if 2 * against >= len(sample):
                return False
    return True


def _is_painted(label: Path, image: Path) -> bool:
    if label.suffix.lower() in {".jpg", ".jpeg"}:  # its loss would turn a few colors into many
        return False
    few = _colors(label, FEW)
    if few is None:
        return False
    enough = max(FEW, TIMES_MORE * few)
    return _colors(image, enough) is None


def _colors(path: Path, most: int) -> int | None:
    """Number of distinct colors; None if there are more than ``most``, or the file cannot be read."""
    try:
        with open_file(path) as file, Image.open(file, formats=FORMATS) as picture:
            colors = picture.convert("RGB").getcolors(most)
    except Exception:  # damaged: it will be listed with its reason when it is read
        return None
    return None if colors is None else len(colors)
