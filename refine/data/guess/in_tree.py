"""A look at a tree that fits no layout: are its image files all pictures, or are some the labels of others?"""

from contextlib import suppress

from refine.data.glance import Glance, glance
from refine.data.guess.kinds import Pair
from refine.data.guess.pairing import find_pair
from refine.data.listing import Listing

A_FOLDER, FOLDERS = 32, 64
"""So many images of so many folders are looked at: labels come by the folder, so more would tell no more."""


def label_in(files: Listing) -> Pair | None:
    """An image and what seems to be its label, from the headers of a few images of each folder; None if there is none.

    Args:
        files: The dataset.
    """
    images = set(files.images)
    seen: dict[str, Glance] = {}
    folders = [
        [key for name in names if (key := f"{folder}/{name}" if folder else name) in images]
        for folder, names in files.by_folder.items()
    ]
    for keys in [keys for keys in folders if keys][:FOLDERS]:
        for key in keys[:A_FOLDER]:
            with suppress(Exception):  # a damaged file is told of when it is read
                seen[key] = glance(files.root / key)
    return find_pair(files.root, seen)
