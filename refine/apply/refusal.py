"""The guard against refining labels, where no layout says which files are images."""

import shlex
from pathlib import Path

from refine.apply.advice import image_glob
from refine.data.images import ImageHeader
from refine.data.label_guard import find_pair, label_folders
from refine.errors import InputError
from refine.files import shown


def refuse_labels(source: Path, glances: dict[str, ImageHeader]) -> None:
    """Refuse a tree in which images seem to be the labels of others.

    Args:
        source: The dataset.
        glances: Headers of everything that would be refined.

    Raises:
        InputError: Naming a pair and the ways out.
    """
    pair = find_pair(source, glances)
    if pair is None:
        return
    labels = {label for pairs in label_folders(source, glances) for label, _ in pairs}
    glob = image_glob(source, pair, glances, labels)
    example = f" (such as --images {shlex.quote(glob)}: the rest is then carried as it is)" if glob else ""
    raise InputError(
        f"{source}: {shown(pair.label)} looks like the label of {shown(pair.image)}, and a refined label would be "
        f"wrong. Say which files are images, with --images GLOB{example}, or with --layout "
        "(--layout images: every image file)"
    )
