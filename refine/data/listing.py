"""The files below a folder, listed once, and what their names say: what layouts look at before they open anything."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from refine.errors import InputError
from refine.files import OURS, require_file, why

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})

LABEL_WORDS = (
    "mask|masks|label|labels|labelids?|labeltrainids?|depth|depths|depthmaps?|disparity|disparities|seg|segs|segmaps?|"
    "segmentation|segmentations|semantic|semantics|semseg|gt|gts|groundtruth|annotation|annotations|annot|instance|"
    "instances|instanceids?|panoptic|parsing|matte|mattes|normals"
)
IMAGE_WORDS = "rgb|rgba|img|image|images|color|colour|camera|frame|photo|pic|picture|left|right|leftimg8bit"

_IS_LABEL = re.compile(LABEL_WORDS)
_LEADING = re.compile(rf"^(?:[a-z]*?(?:{LABEL_WORDS})|{IMAGE_WORDS})[_\-. ]*(?=\d)", re.IGNORECASE)
_TRAILING = re.compile(r"[_\-. ]+[^\W\d_][^_\-.]*$")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LABEL_FOLDER = re.compile(
    r"annotation|mask|(?<!un)label|segment|semantic|instance|panoptic|pixelmap|stuff|depth|normals|(?<!over)flow(?!er)"
    r"|disp_|disparity",
    re.IGNORECASE,
)


class Listing:
    """The names of a dataset's files. Hidden files and folders, and what `refine apply` writes beside, are left out.

    Args:
        root: The dataset's folder. Links to folders are not followed.
        file: Whether one file may stand in its place (a text list, a video, a shard): a folder that holds it alone.

    Raises:
        InputError: If it is neither.
    """

    def __init__(self, root: Path, file: bool = False) -> None:
        self.root = root
        self.by_folder: dict[str, list[str]] = {}
        """The names of the files in each folder; the root's own key is the empty string."""
        if file and root.is_file():
            self.root, self.by_folder[""] = root.parent, [root.name]
            return
        if not root.is_dir():
            found = "a file" if root.exists() else "nothing"
            raise InputError(f"{root}: expected a folder of images, found {found}")
        for place, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            folder = os.path.relpath(place, root).replace(os.sep, "/")
            kept = [name for name in names if not name.startswith(".") and name not in OURS]
            self.by_folder["" if folder == "." else folder] = sorted(kept)

    def unsuitable(self) -> Iterator[tuple[str, str]]:
        """Keys of devices, named pipes and links that lead to one or in a circle, each with the reason why it is never
        opened. A link to nothing is not among them: there is nothing to fear of it."""
        for key in self.keys:
            try:
                require_file(self.root / key)
            except FileNotFoundError:
                continue
            except OSError as error:
                yield key, why(error)

    def require_regular(self, ending: str = "") -> None:
        """Refuse a dataset in which nothing else was found.

        Raises:
            InputError: With the first of `unsuitable`, of those whose name ends so.
        """
        for key, reason in self.unsuitable():
            if key.endswith(ending):
                raise InputError(f"{self.root / key}: cannot be read ({reason}); replace or remove it")

    @cached_property
    def keys(self) -> list[str]:
        """Every file, by its path below the root with forward slashes, sorted."""
        return sorted(below(folder, name) for folder, names in self.by_folder.items() for name in names)

    @cached_property
    def known(self) -> frozenset[str]:
        """The keys, to ask whether one is there."""
        return frozenset(self.keys)

    @cached_property
    def images(self) -> list[str]:
        """Those whose suffix is an image's, sorted."""
        return [key for key in self.keys if suffix(key) in IMAGE_SUFFIXES]

    @cached_property
    def by_suffix(self) -> dict[str, list[str]]:
        """Keys by their suffix in lower case, with its dot."""
        found: dict[str, list[str]] = defaultdict(list)
        for key in self.keys:
            found[suffix(key)].append(key)
        return dict(found)

    def require_images(self) -> list[str]:
        """The images.

        Raises:
            InputError: If there is none.
        """
        if not self.images:
            raise InputError(
                f"{self.root}: no image in this folder or below it (looked for {' '.join(sorted(IMAGE_SUFFIXES))})"
            )
        return self.images


def below(folder: str, name: str) -> str:
    """Return the key of a file or folder in a folder, whose own key is empty at the top."""
    return f"{folder}/{name}" if folder else name


def suffix(key: str) -> str:
    """Return the suffix of a key in lower case and with its dot; empty without one."""
    name = key.rpartition("/")[2]
    stem, dot, end = name.rpartition(".")  # pathlib is ten times as slow, and this is asked for every file
    return f".{end}".lower() if stem and dot and end else ""


def stem(key: str) -> str:
    """A key without its suffix, folders included."""
    return key[: len(key) - len(suffix(key))]


def parse_glob(glob: str) -> list[str]:
    """A glob cut at its slashes, for `matches_glob`.

    Raises:
        InputError: If it is empty, absolute or leaves the tree.
    """
    parts = [part for part in glob.split("/") if part not in {"", "."}]
    if glob.startswith("/") or ".." in parts or not parts:
        raise InputError(f"--images {glob!r}: expected a pattern relative to the input, such as 'rgb/**/*.png'")
    return [part for at, part in enumerate(parts) if part != "**" or parts[at - 1 : at] != ["**"]]


def matches_glob(parts: list[str], pattern: list[str]) -> bool:
    """Whether a path, cut at its slashes, matches: ``**`` stands for any number of folders, none included."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(matches_glob(parts[at:], pattern[1:]) for at in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and matches_glob(parts[1:], pattern[1:])


def named_for_labels(key: str) -> bool:
    """Whether an image's name or that of a folder above it holds a word for labels."""
    folder, stem = folder_and_stem(key)
    return path_says_label(folder) or says_label(stem)


def in_label_folder(key: str) -> bool:
    """Whether a folder above the file is named for what its images are: masks, depth, …"""
    folder, slash, _ = key.rpartition("/")
    return bool(slash) and _LABEL_FOLDER.search(folder) is not None


def says_label(name: str) -> bool:
    """Whether a file's or folder's name holds a word for labels, such as mask, depth or gt.

    Words end at anything but letters, and at capitals (`gtFine`: gt, fine).
    """
    words = _WORDS.findall(name) + re.split(r"[^A-Za-z]+", name)
    return any(_IS_LABEL.fullmatch(word.lower()) for word in words)


def path_says_label(folder: str) -> bool:
    """Whether any folder of a path is named for labels."""
    return any(says_label(part) for part in folder.split("/"))


def folder_and_stem(key: str) -> tuple[str, str]:
    """Where an image lies (empty at the top), and its name without the suffix."""
    folder, _, name = key.rpartition("/")
    return folder, name.rpartition(".")[0]


def core(stem: str) -> str:
    """Return the part of a name that the images of one scene share.

    Trailing tokens that begin with a letter go (`aachen_000019_gtFine_labelIds` becomes `aachen_000019`), as
    does a leading word for images or labels before a number (`rgb_00001` and `depth_00001` become `00001`).
    """
    while (shorter := _TRAILING.sub("", stem)) not in {"", stem}:
        stem = shorter
    return _LEADING.sub("", stem)


def shared(one: str, other: str) -> int:
    """Length of the beginning that two strings share."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def extends(stem: str, shorter: str) -> bool:
    """Whether a stem is another one, a separator, and a token that begins with a letter: `x_labelIds` and `x`."""
    rest = stem.removeprefix(shorter)
    return bool(shorter) and rest != stem and bool(re.match(r"[_\-. ]+[^\W\d_]", rest))
