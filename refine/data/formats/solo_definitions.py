"""What a SOLO dataset's definition files say: its cameras, classes and keypoints."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from refine.data.formats.json_file import read_object
from refine.data.formats.solo_fields import Object, field, said
from refine.data.label_table import Entry, LabelTable
from refine.errors import InputError
from refine.labels import IGNORE

SEMANTIC, INSTANCE = "SemanticSegmentationAnnotation", "InstanceSegmentationAnnotation"
BOXES, KEYPOINTS = "BoundingBox2DAnnotation", "KeypointAnnotation"

BLACK = (0, 0, 0)
"""What has no label is rendered so."""


class Definitions(NamedTuple):
    """One dataset's."""

    sensors: frozenset[str]
    """Ids of the cameras; empty if no file names them."""
    annotators: dict[str, tuple[str, ...]]
    """Ids of the labelers by their kind, the end of their ``@type``."""
    classes: dict[int, str]
    """Names of boxes' and instances' classes by label id, in the order of the ids."""
    template: dict[int, str]
    """Names of the keypoints by index, in that order."""
    masks: LabelTable | None
    """Classes of the semantic masks by color; None if a labeler is defined without its colors, or none is."""


def read_definitions(root: Path) -> Definitions:
    """All definitions of a dataset.

    Raises:
        InputError: If ``annotation_definitions.json`` is missing or damaged, or a label id has two names.
    """
    path = root / "annotation_definitions.json"
    if not path.is_file():
        raise InputError(f"{path}: no such file; Unity writes it when a simulation ends: let it end, or copy the file")
    rows = read_object(path).get("annotationDefinitions", [])
    annotators: dict[str, tuple[str, ...]] = {}
    classes: dict[int, str] = {}
    colors: list[Object] = []
    template: dict[int, str] = {}
    try:
        for number, row in enumerate(rows):
            place = f"annotationDefinitions[{number}]"
            kind = kind_of(row, place)
            place = f"{place} ({kind})"
            annotators[kind] = (*annotators.get(kind, ()), str(field(row, "id", place)))
            if kind in {BOXES, INSTANCE}:
                _add_classes(classes, row.get("spec", []), path, place)
            elif kind == SEMANTIC:
                colors += row.get("spec", [])
            elif kind == KEYPOINTS and not template:
                points = field(field(row, "template", place), "keypoints", f"{place}.template")
                template = dict(sorted(_point(point, f"{place}.keypoints[{i}]") for i, point in enumerate(points)))
        masks = mask_table(colors, path) if colors else None
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{path}: not as Unity Perception writes it ({said(error)})") from error
    return Definitions(_sensors(root), annotators, dict(sorted(classes.items())), template, masks)


def _point(row: Object, place: str) -> tuple[int, str]:
    return int(field(row, "index", place)), str(field(row, "label", place))


def kind_of(row: Object, place: str = "an annotation") -> str:
    """The end of an ``@type``, which says what an annotation or its definition is."""
    return str(field(row, "@type", place)).rsplit(".", 1)[-1]


def mask_table(rows: Iterable[Object], path: Path) -> LabelTable:
    """Semantic classes in their order; the same color twice is one class, and black is void unless it is a class's.

    Args:
        rows: ``{labelName, pixelValue}``, the latter with four levels.
        path: Where they were read.

    Raises:
        InputError: If there are too many for a mask. Rows of another form raise what they raise.
    """
    names: dict[tuple[int, int, int], list[str]] = {}
    for number, row in enumerate(rows):
        place = f"color {number} of {SEMANTIC}"
        name = str(field(row, "labelName", place))
        red, green, blue = (int(value) for value in field(row, "pixelValue", f"{place} ({name})")[:3])
        known = names.setdefault((red, green, blue), [])
        if name not in known:
            known.append(name)
    if len(names) > IGNORE:
        raise InputError(f"{path}: {len(names)} classes of masks; at most {IGNORE} can be told apart")
    entries = [Entry(number, "/".join(own), color, False) for number, (color, own) in enumerate(names.items())]
    if BLACK not in names:
        entries.append(Entry(len(entries), "unlabeled", BLACK, True))
    return LabelTable("the dataset", tuple(entries))


def masks_of_frames(frames: Iterator[Path]) -> LabelTable | None:
    """The same from the frames, which name the colors that they show: versions before 1.0 define none.

    Raises:
        InputError: If a frame cannot be read.
    """
    found: dict[str, Object] = {}
    path = None
    for path in frames:
        try:
            for capture in read_object(path).get("captures", []):
                for annotation in capture.get("annotations", []):
                    if kind_of(annotation) == SEMANTIC:
                        rows = annotation.get("instances", [])
                        found.update({str(field(row, "labelName", f"an instance of {SEMANTIC}")): row for row in rows})
        except InputError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(f"{path}: not as Unity Perception writes it ({said(error)})") from error
    return mask_table((found[name] for name in sorted(found)), path) if path and found else None


def _add_classes(classes: dict[int, str], spec: list[Object], path: Path, place: str) -> None:
    for index, row in enumerate(spec):
        where = f"{place}.spec[{index}]"
        number, name = int(field(row, "label_id", where)), str(field(row, "label_name", where))
        if classes.setdefault(number, name) != name:
            raise InputError(f"{path}: label id {number} is {classes[number]} and {name}; give it one name")


def _sensors(root: Path) -> frozenset[str]:
    path = root / "sensor_definitions.json"
    if not path.is_file():
        return frozenset()
    try:
        rows = read_object(path).get("sensorDefinitions", [])
        return frozenset(str(field(row, "id", f"sensorDefinitions[{number}]")) for number, row in enumerate(rows))
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not as Unity Perception writes it ({said(error)})") from error
