"""Which files of a YOLO dataset are images, labels and lists of a split: by the rules that YOLO itself goes by."""

from pathlib import Path, PurePosixPath

from refine.data.formats.class_lists import read_names
from refine.data.formats.companions import in_label_folder
from refine.data.formats.text_rows import numbers, text_rows
from refine.data.formats.yolo_yaml import YoloYaml, read_yolo_yaml
from refine.data.listing import Listing, stem
from refine.errors import InputError

_NAME_LISTS = ("classes.txt", "obj.names", "labels/classes.txt")


def label_key(image: str) -> str:
    """The text file of an image: ``labels`` in place of the last folder named ``images``; beside it without one."""
    parts = stem(image).split("/")
    at = next((at for at in range(len(parts) - 2, -1, -1) if parts[at] == "images"), None)
    if at is not None:
        parts[at] = "labels"
    return "/".join(parts) + ".txt"


def yolo_images(files: Listing) -> list[str]:
    """The images below folders named ``images``; without such a folder all that are not in one of labels."""
    below = [key for key in files.images if "/images/" in f"/{key}"]
    return below or [key for key in files.images if not in_label_folder(key)]


def yolo_labels(files: Listing) -> list[str]:
    """The text files below folders named ``labels``, lists of names left out."""
    return [
        key for key in files.by_suffix.get(".txt", []) if "/labels/" in f"/{key}" and not key.endswith("/classes.txt")
    ]


def find_yaml(files: Listing, name: str | None) -> YoloYaml | None:
    """The dataset's YAML: of this name, or ``data.yaml``, or the only one at the top that names classes.

    Raises:
        InputError: If the named one or ``data.yaml`` cannot be read.
    """
    if name is not None:
        if name not in files.known:
            raise InputError(f"{files.root / name}: no such file; name the dataset's YAML relative to its folder")
        return read_yolo_yaml(files.root / name)
    if "data.yaml" in files.known:
        return read_yolo_yaml(files.root / "data.yaml")
    found = []
    for other in files.by_folder[""]:
        if other.endswith((".yaml", ".yml")):
            try:
                found.append(read_yolo_yaml(files.root / other))
            except InputError:  # a YAML of something else
                continue
    return found[0] if len(found) == 1 else None


def listed_names(files: Listing) -> tuple[str, ...] | None:
    """Class names from a text file, a name a line, as labeling tools and Darknet write them; None without one.

    Raises:
        InputError: If it cannot be read.
    """
    name = next((name for name in _NAME_LISTS if name in files.known), None)
    return read_names(files.root / name) or None if name else None


def has_name_list(files: Listing) -> bool:
    """Whether there is a file that `listed_names` reads."""
    return any(name in files.known for name in _NAME_LISTS)


def holds_boxes(label: Path) -> bool:
    """Whether the first line of a text file is a class number and shares of an image's size."""
    try:
        where, (first, *rest) = next(text_rows(label))
        return first.isdecimal() and len(rest) >= 4 and all(0 <= value <= 1 for value in numbers(rest[:4], where))
    except (InputError, StopIteration):
        return False


def in_split(images: list[str], split: str, data: YoloYaml | None, files: Listing) -> tuple[list[str], list[str]]:
    """The images of a split, and a line of text for each that its lists name and that is not there.

    Raises:
        InputError: If there is no YAML, it has no such split, or it names neither a folder of images nor a list below
            the dataset's folder.
    """
    if data is None:
        raise InputError(f"{files.root}: split {split!r} needs the dataset's YAML; name it (data=…)")
    if split not in data.splits:
        raise InputError(f"{data.path}: no split {split!r} (found {', '.join(data.splits) or 'none'})")
    chosen: set[str] = set()
    faults: list[str] = []
    for entry in data.splits[split]:
        options = [option for option in _inside(entry) if option in files.known or _below(option, images)]
        if not options:
            raise InputError(
                f"{data.path}: {split} is {entry!r}, which is no folder of images and no list below {files.root}; "
                "write it relative to that folder"
            )
        if options[0] not in files.known:
            chosen.update(_below(options[0], images))
            continue
        for where, values in text_rows(files.root / options[0]):
            line = " ".join(values)
            named = next((key for key in _inside(line) if key in files.known), None)
            if named is None:
                faults.append(f"{where}: an entry without its image below {files.root}: {line!r}; add or remove it")
            else:
                chosen.add(named)
    return [key for key in images if key in chosen], faults


def _below(folder: str, images: list[str]) -> list[str]:
    return [key for key in images if not folder or key.startswith(f"{folder}/")]


def _inside(entry: str) -> list[str]:
    """What an entry may mean below the dataset's folder: itself, or what is left without the folders that lead there
    (``path``, ``../`` as Roboflow writes it). Nothing that leaves the folder."""
    parts = [part for part in PurePosixPath(entry.replace("\\", "/")).parts if part != "/"]
    endings = ["/".join(parts[at:]) for at in range(len(parts))] or [""]
    return [ending for ending in endings if ".." not in ending.split("/")]
