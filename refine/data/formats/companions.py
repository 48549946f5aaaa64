"""Images that are labels of other images and have no index: told from the folders that they lie in."""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from refine.data.listing import Listing

_LABELS = re.compile(
    r"annotation|mask|(?<!un)label|segment|semantic|instance|panoptic|pixelmap|stuff|depth|normals|(?<!over)flow(?!er)"
    r"|disp_|disparity",
    re.I,
)


def in_label_folder(key: str) -> bool:
    """Whether a folder above the file is named for what its images are: masks, depth, …"""
    folder, slash, _ = key.rpartition("/")
    return bool(slash) and _LABELS.search(folder) is not None


def companions(images: Iterable[str], files: Listing) -> dict[str, tuple[Path, ...]]:
    """The label images that belong to each image: of its name but for the suffix, in such a folder.

    Where images of several folders have the name (``train/1.jpg``, ``val/1.jpg``), those with most folders in common.
    """
    images = frozenset(images)
    labels = sorted(key for key in files.images if key not in images and in_label_folder(key))
    by_stem: dict[str, list[str]] = defaultdict(list)
    for key in images if labels else ():
        by_stem[PurePosixPath(key).stem].append(key)
    found: dict[str, tuple[Path, ...]] = {}
    for label in labels:
        path = PurePosixPath(label)
        shared = {key: len({*path.parts} & {*PurePosixPath(key).parts}) for key in by_stem.get(path.stem, ())}
        for key, count in shared.items():
            if count == max(shared.values()):
                found[key] = (*found.get(key, ()), files.root / label)
    return found
