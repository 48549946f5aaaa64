"""Which keypoints change places in a mirror, told from their names."""

import re
from collections.abc import Sequence

_OTHER = {"left": "right", "right": "left", "l": "r", "r": "l"}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^A-Za-z\d]+")


def swap_pairs(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Positions of names that differ in their sides alone, the left one first: ``left_eye`` and ``right_eye``,
    ``LElbow`` and ``RElbow``, ``eye.L`` and ``eye.R``, ``leftear`` and ``rightear``.
    """
    places = {name.lower(): index for index, name in enumerate(names)}
    found = []
    for index, name in enumerate(names):
        words = [word.lower() for word in _WORDS.findall(name)]
        sides = [word for word in words if word in _OTHER]
        if not sides and "left" in name.lower():  # of ``leftelbow`` nothing tells the words
            sides, words = ["left"], [name.lower().replace("left", "right", 1)]
        other = places.get("".join(_OTHER.get(word, word) for word in words))
        if sides and sides[0] in {"left", "l"} and other is not None:
            found.append((index, other))
    return tuple(found)
