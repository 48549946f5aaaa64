"""Which sensor of CARLA wrote a file, and which frame it shows, by its folder and its name."""

import re
from collections.abc import Iterator

from refine.data.formats.groups import IMAGE
from refine.data.listing import IMAGE_SUFFIXES, Listing

PARSED = ("semantic", "instance", "color")
"""Roles whose file holds the classes, the best first: raw ids, ids with instances, colors."""

_SEMANTIC = r"semantic[-_]?segmentation|semantics?|sem[-_]?seg|seg|segmentation|ss"
_ROLES = (
    ("color", rf"(?:{_SEMANTIC})[-_]?(?:colou?r(?:ed|s)?|rgb|cityscapes(?:[-_]?palette)?|palette|vis)"),
    ("instance", r"instance[-_]?segmentation|instances?|inst[-_]?seg"),
    ("semantic", _SEMANTIC),
    ("depth", r"depth"),
    (IMAGE, r"rgb"),
)
_FOLDER = re.compile(
    r"(?:camera[-_]?)?(?:" + "|".join(f"(?P<{role}>{words})" for role, words in _ROLES) + r")(?P<camera>(?:[-_\d].*)?)",
    re.IGNORECASE,
)
_ENDINGS = (
    ("semantic", rf"label[-_]?ids|labels?|{_SEMANTIC}"),
    ("other", r"label[-_]?train[-_]?ids"),
    ("instance", r"instance[-_]?ids|instances?|instance[-_]?segmentation"),
    ("color", r"colou?r"),
    ("depth", r"depth"),
    (IMAGE, r"img|image|rgb"),
)
_ENDING = re.compile(
    r"(?P<frame>.+)[-_](?:" + "|".join(f"(?P<{role}>{words})" for role, words in _ENDINGS) + r")", re.IGNORECASE
)
_CITYSCAPES = re.compile(r".*_gt(?:Fine|Coarse)(?:_.*)?")


def sensors(files: Listing) -> Iterator[tuple[str, str, str]]:
    """Frame, role and key of each image file. What tells no role is the image of its frame."""
    for folder, names in files.by_folder.items():
        place, by_folder = _place(folder)
        for name in names:
            stem, _, ending = name.rpartition(".")
            if f".{ending.lower()}" not in IMAGE_SUFFIXES:
                continue
            plain = stem.isalnum() or _CITYSCAPES.fullmatch(stem)  # most are a number: 100 000 have to be fast
            found = None if plain else _ENDING.fullmatch(stem)
            role = by_folder
            if found and (role is None or _role(found) != IMAGE):  # rgb/ says enough, but depth/1_rgb.png is no image
                role = _role(found)
            frame = found["frame"] if found else stem
            yield f"{place}/{frame}", role or IMAGE, f"{folder}/{name}" if folder else name


def _place(folder: str) -> tuple[str, str | None]:
    """A folder without what names its sensor, and the sensor's role: of `a/rgb_left/b`, `a/*_left/b` and image."""
    parts = folder.split("/")
    for at in range(len(parts) - 1, -1, -1):
        if found := _FOLDER.fullmatch(parts[at]):
            return "/".join([*parts[:at], "*" + found["camera"], *parts[at + 1 :]]), _role(found)
    return folder, None


def _role(found: re.Match[str]) -> str:
    return next(role for role, value in found.groupdict().items() if value and role not in {"camera", "frame"})
