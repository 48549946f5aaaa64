"""Which files of a dataset are COCO JSON files, and which folder each one's names start from."""

import re
from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath

from refine.data.formats.coco_file import CocoFile
from refine.data.formats.hints import in_yaml
from refine.data.listing import Listing
from refine.errors import InputError
from refine.files import open_file

_OTHER_TASKS = re.compile(r"(captions|image_info|panoptic|stuff)_|scene_gt_coco\.json")
"""COCO's own files of labels that are no objects."""
_OBJECTS = re.compile(r"(instances|person_keypoints)_\w+\.json")
"""COCO's own names of files of objects: what is wrong with such a file has to be told."""
_FEW = 16
"""More JSON files than this in one kind of place are one an image, and none of them is opened to see."""
_PEEK = 1 << 16
_ARRAY = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')


def candidates(files: Listing) -> list[str]:
    """The JSON files that are called or look like COCO's objects, sorted: at the top, one folder down, in any
    ``annotations``."""
    names = [key for key in files.by_suffix.get(".json", []) if not _OTHER_TASKS.match(PurePosixPath(key).name)]
    top = [key for key in names if "/" not in key]
    indexes = [key for key in names if "/annotations/" in f"/{key}"]
    beside = [key for key in names if key.count("/") == 1 and not key.startswith("annotations/")]
    few = [key for group in (top, indexes, beside) if len(group) <= _FEW for key in group]
    return sorted(key for key in few if _is_cocos_own(key) or _looks_like_coco(files.root / key))


def _is_cocos_own(key: str) -> bool:
    folder, _, name = key.rpartition("/")
    return f"/{folder}".endswith("/annotations") and _OBJECTS.fullmatch(name) is not None


def _looks_like_coco(path: Path) -> bool:
    """Whether a file has COCO's list of categories and another one near its beginning or its end."""
    try:
        with open_file(path) as file:
            head = file.read(_PEEK)
            length = file.seek(0, 2)
            file.seek(max(len(head), length - _PEEK))
            found = {match.decode() for match in _ARRAY.findall(head + file.read())}
    except OSError:
        return False
    return "categories" in found and len(found) > 1


def prefix_of(file: CocoFile, name: str, files: Listing) -> str:
    """The folder, with a slash at its end, below which most of a JSON's images are.

    Of two with as many: the JSON's own, then the one whose name is part of the JSON's (``instances_train2017``).

    Raises:
        InputError: If none of them is anywhere.
    """
    by_name: dict[str, list[str]] = defaultdict(list)
    for key in files.images:
        by_name[key.rpartition("/")[2]].append(key)
    found: Counter[str] = Counter()
    for picture in file.pictures.values():
        for key in by_name.get(picture.name.rpartition("/")[2], ()):
            if key.endswith(f"/{picture.name}") or key == picture.name:
                found[key.removesuffix(picture.name)] += 1
    if not found:
        raise InputError(
            f"{file.path}: none of the {len(file.pictures)} images that it names is below {files.root}; add them, "
            f"remove the file, or name the one that is to be read {in_yaml('coco', 'annotations: FILE.json')}"
        )
    own = name.rpartition("/")[0]
    return max(
        found,
        key=lambda prefix: (
            found[prefix],
            prefix == (own and f"{own}/"),
            any(part in name for part in prefix.split("/") if part),
            -len(prefix),
        ),
    )
