"""What the name of an image or of its folder says: which images belong together, and which are named for labels."""

import re

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
    """What the images of one scene share in their names.

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
