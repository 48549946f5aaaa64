"""YOLO: a text file for each image, a line for each object; boxes, outlines or poses in shares of the image's size.

Format: https://docs.ultralytics.com/datasets/detect (``class x y width height``, the center and the size of a box),
``…/segment`` (``class x1 y1 x2 y2 …``) and ``…/pose`` (``class x y width height px py [visible] …``). The label of an
image is found as there: ``labels`` in place of the last folder named ``images``, or beside the image without one.
"""

from functools import cached_property
from itertools import islice
from pathlib import Path, PurePosixPath

from refine.data.images import image_size
from refine.data.label_table import read_names
from refine.data.layouts.base import LabelSpace, Layout, in_yaml
from refine.data.layouts.object_parts import companions, numbers, text_rows
from refine.data.layouts.yolo_files import YoloYaml, read_objects, read_yolo_yaml
from refine.data.listing import Listing, in_label_folder, stem
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import Annotation

_NAME_LISTS = ("classes.txt", "obj.names", "labels/classes.txt")
LABELS_TO_RECOGNIZE = 16
"""Text files that `recognize` opens to find a box: those of images with nothing on them are empty."""


class Yolo(Layout):
    """Objects of YOLO text files. Which of the three kinds a line is follows from ``kpt_shape`` in the dataset's YAML
    (a pose), or from how many values it holds: 5 are a box, more an outline. Values may leave 0 … 1 by a rounding.

    Args:
        root: The dataset's folder; images are those below folders named ``images``, or all without such a folder.
        data: Its YAML, relative to ``root``. None takes ``data.yaml``, or the only one at the top that has names.
        split: ``train``, ``val`` or ``test`` of the YAML. None takes all images.
        classes: Names in the order of the numbers, where there is no YAML; else from a ``classes.txt``.
        background: Whether an image without a text file is one without objects, as when YOLO trains. Otherwise it is
            a fault, because a lost label looks the same; an empty text file says for certain that there is nothing.

    Raises:
        InputError: If there is no image, the YAML cannot be read, or names other classes. Faults are images without a
            text file (with ``background``: only if all are), text files without an image, and entries of a split's
            list without theirs.
    """

    name = "yolo"

    def __init__(
        self,
        root: Path,
        data: str | None = None,
        split: str | None = None,
        classes: tuple[str, ...] | None = None,
        background: bool = False,
    ) -> None:
        super().__init__(root)
        files = Listing(root)
        files.require_images()
        self._yaml = _find_yaml(files, data)
        if self._yaml and classes and classes != self._yaml.names:
            raise InputError(f"{self._yaml.path}: names {', '.join(self._yaml.names)}, not {', '.join(classes)}")
        self._names = (self._yaml.names if self._yaml else classes) or None
        if self._names is None and (listed := _name_list(files)):
            self._names = read_names(listed) or None
        images, self.faults = yolo_images(files), []
        if split is not None:
            images, self.faults = in_split(images, split, self._yaml, files)
        beside = companions(images, files)
        missing: list[tuple[str, str]] = []
        for key in images:
            label = label_key(key)
            found = (root / label,) if label in files.known else ()
            self._records.append(Record(key, root / key, (*found, *beside.get(key, ()))))
            if not found:
                missing.append((key, label))
        if not background:
            self.faults += [
                f"{root / key}: an image without a label; add {root / label} (empty: nothing to see), or say that "
                f"such images are background, {in_yaml(self.name, 'background: true')}"
                for key, label in missing
            ]
        elif missing and len(missing) == len(images):
            self.faults.append(f"{root}: not one of its images has a label (such as {root / missing[0][1]}); add them")
        if split is None:
            labels = (key for key in files.by_suffix.get(".txt", []) if "/labels/" in f"/{key}")
            lost = {key for key in labels if not key.endswith("/classes.txt")} - set(map(label_key, images))
            self.faults += [f"{root / key}: a label without an image of its name; remove it" for key in sorted(lost)]

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """A YAML at the top with names and splits, or a text file that starts with a box, below ``labels`` or, where
        there is a list of names, beside its image."""
        if not files.images:
            return None
        try:
            data = _find_yaml(files, None)
        except InputError:
            data = None
        if data and data.splits:
            return f"{data.path.name} names {len(data.names)} classes and where the images are"
        labels = (label_key(key) for key in yolo_images(files))
        beside = _name_list(files) is not None
        there = (key for key in labels if key in files.known and (beside or "/labels/" in f"/{key}"))
        label = next((key for key in islice(there, LABELS_TO_RECOGNIZE) if holds_boxes(files.root / key)), None)
        return f"{label} holds boxes as shares of its image" if label else None

    @cached_property
    def label_space(self) -> LabelSpace:  # type: ignore[override]  # known when it is asked for
        """The classes, and the keypoints of poses.

        Raises:
            InputError: If nothing names the classes.
        """
        if self._names is None:
            file = self.root / "data.yaml"
            raise InputError(
                f"{file}: no such file, so the classes have no names; write it with names, or name them "
                f"{in_yaml(self.name, 'classes: [car, truck]')}"
            )
        keypoints, swaps = (self._yaml.keypoints, self._yaml.swaps) if self._yaml else ((), ())
        return LabelSpace("objects", self._names, keypoints=keypoints, swaps=swaps)

    def annotation(self, record: Record) -> Annotation:
        """``objects``: none of them where there is no text file.

        Raises:
            InputError: If a line has another number of values, a class is unknown, or a value is no share of the
                image's size, as when pixels were written. The message names the line.
        """
        space, label = self.label_space, self.root / label_key(record.key)
        return Annotation(
            objects=read_objects(
                label if label in record.label_files else None,
                space.names,
                image_size(record.image),
                len(space.keypoints),
                self._yaml is not None and self._yaml.has_visibility,
            )
        )


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


def _find_yaml(files: Listing, name: str | None) -> YoloYaml | None:
    """The dataset's YAML: of this name, or ``data.yaml``, or the only one at the top that names classes."""
    if name is not None and name not in files.known:
        raise InputError(f"{files.root / name}: no such file; name the dataset's YAML relative to its folder")
    if name is not None or "data.yaml" in files.known:
        return read_yolo_yaml(files.root / (name or "data.yaml"))
    found = []
    for other in files.by_folder[""]:
        if other.endswith((".yaml", ".yml")):
            try:
                found.append(read_yolo_yaml(files.root / other))
            except InputError:  # a YAML of something else
                continue
    return found[0] if len(found) == 1 else None


def _name_list(files: Listing) -> Path | None:
    """A text file of class names, a name a line, as labeling tools and Darknet write them; None without one."""
    return next((files.root / name for name in _NAME_LISTS if name in files.known), None)


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
