"""What the name of an image or of its folder says: which images belong together, and which look like labels."""

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


def words(name: str) -> list[str]:
    """The words of a name, in lower case: cut at anything but letters, and at capitals (`gtFine`: gt, fine)."""
    return [word.lower() for word in _WORDS.findall(name)]


def says_label(name: str) -> bool:
    """Whether a file's or folder's name holds a word for labels, such as mask, depth or gt."""
    whole = [part.lower() for part in re.split(r"[^A-Za-z]+", name)]
    return any(_IS_LABEL.fullmatch(word) for word in words(name) + whole)


def folder_and_stem(key: str) -> tuple[str, str]:
    """Where an image lies (empty at the top), and its name without the suffix."""
    folder, _, name = key.rpartition("/")
    return folder, name.rpartition(".")[0]


def core(stem: str) -> str:
    """What the images of one scene share in their names.

    Trailing tokens that begin with a letter go (`aachen_000019_gtFine_labelIds` becomes `aachen_000019`), as
    does a leading word for images or labels before a number (`rgb_00001` and `depth_00001` become `00001`).
    """
    while shorter := _TRAILING.sub("", stem):
        if shorter == stem:
            break
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
