"""What can be wrong with one image, its label, or several images together."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refine.inspect.result import File, Finding, Problem
from refine.labels import IGNORE, Annotation, LabelSpace, Objects
from refine.labels.gaze import gaze_vector


class ProblemKind(NamedTuple):
    """A sort of finding."""

    fault: bool
    what: str
    cure: str


KINDS = {
    "listing": ProblemKind(True, "Files that do not fit the layout", "Each line says what to do."),
    "unreadable": ProblemKind(True, "Images that cannot be read", "Render or download them again, or remove them."),
    "label": ProblemKind(True, "Labels that cannot be read or do not fit their image", "Each line says what to do."),
    "outside": ProblemKind(
        True, "Labels outside of their image", "Correct or remove them; was the image resized or cropped?"
    ),
    "conflict": ProblemKind(
        True, "Same picture, different labels", "Only one of them can be right: correct or remove."
    ),
    "duplicate": ProblemKind(False, "Same picture more than once", "Keep one, or training counts it twice."),
    "leak": ProblemKind(False, "Pictures that are also among the real ones", "Keep them on one side only."),
    "over the edge": ProblemKind(
        False, "Labels that reach over the edge of their image", "Fine where hidden parts are labeled on purpose."
    ),
    "no area": ProblemKind(False, "Boxes without area", "Remove them: some detectors refuse them."),
    "void mask": ProblemKind(
        False, "Masks without a single labeled pixel", "Is the mapping, or the table, the right one?"
    ),
    "one class": ProblemKind(False, "Masks of one class only", "Look at them: a failed render, or an empty scene?"),
    "binary": ProblemKind(
        False,
        "Masks of nothing but 0 and 255",
        "255 stands for no class. If it is a thing here, write 1 for it, or say so (layout image-masks, with a table).",
    ),
    "one image": ProblemKind(
        False,
        "Classes of a single image each",
        "Are they classes? A column of text or of numbers makes no classes (layout table, or images).",
    ),
    "gaze": ProblemKind(
        False,
        "Gaze that points away from the camera",
        "Pitch and yaw are radians, and 0 and 0 look into the camera: are they degrees, or of another convention?",
    ),
    "not refined": ProblemKind(
        False, "Images that `refine apply` lists and does not refine", "Each line says why, and what to do."
    ),
    "black": ProblemKind(False, "Nearly black images", "Look at them: a failed render, or a night?"),
    "constant": ProblemKind(False, "Images of a single color", "Render them again, or remove them."),
    "mode": ProblemKind(
        False, "Images of another color mode than nearly all others", "Convert them, if nothing is lost."
    ),
    "size": ProblemKind(False, "Images of another size than nearly all others", "Look whether they belong here."),
}
"""By name, faults first, in the order in which they are told."""


BLACK = 16
"""A render is nearly black if 99 % of its pixels are below this level of 255."""

FLAT = 2
"""It is constant if no channel spans more levels."""

USUAL = 0.9
"""What so many images share, the others are odd."""

REACH = 1.0
"""Pixels by which a box or point may pass the image's edge: rounding."""


class CheckedImage(NamedTuple):
    """What is kept of one image that was read."""

    key: str
    size: tuple[int, int] | None
    """Height and width; None where it could not be read."""
    mode: str
    format: str
    content: bytes
    """Digest of the decoded pixels."""
    label: bytes
    """Digest of the label; empty without one."""
    problems: tuple[Problem, ...]


def picture_problems(pixels: NDArray[np.uint8]) -> Iterator[Problem]:
    """Of a decoded image ``(C, H, W)``."""
    flat = pixels.reshape(len(pixels), -1)
    low, high = flat.min(axis=1), flat.max(axis=1)
    if int((high - low).max()) <= FLAT:
        yield Problem("constant", f"all pixels are about {tuple(map(int, high))}")
        return
    bright = int((flat.max(axis=0) >= BLACK).sum())
    if bright <= 0.01 * flat.shape[1]:
        yield Problem("black", f"99 % of the pixels are below level {BLACK}; the brightest is {int(high.max())}")


def label_problems(annotation: Annotation, space: LabelSpace, size: tuple[int, int]) -> Iterator[Problem]:
    """Of a label that could be read."""
    if annotation.mask is not None:
        counts = torch.bincount(annotation.mask.as_subclass(Tensor).flatten(), minlength=IGNORE + 1)
        ids = counts[:IGNORE].nonzero().flatten()
        if not len(ids):
            yield Problem("void mask", "every pixel is void")
        elif len(ids) == 1 and len(space.names) > 1:
            yield Problem("one class", f"every labeled pixel is {space.names[int(ids)]}")
    if annotation.objects is not None:
        yield from _box_problems(annotation.objects, space, size)
    yield from _point_problems(annotation, size)
    if annotation.targets is not None and not bool(annotation.targets.isfinite().all()):
        yield Problem("label", f"targets {annotation.targets.tolist()} are not all finite; correct them")
    elif annotation.targets is not None and {"pitch", "yaw"} <= set(space.names):
        angles = annotation.targets[[space.names.index("pitch"), space.names.index("yaw")]].double()
        if gaze_vector(angles)[2] > 0:
            yield Problem("gaze", "pitch {:.4g} and yaw {:.4g} look away from the camera".format(*angles.tolist()))


def _box_problems(objects: Objects, space: LabelSpace, size: tuple[int, int]) -> Iterator[Problem]:
    height, width = size
    for number, box in enumerate(objects.boxes.as_subclass(Tensor).tolist()):
        left, top, right, bottom = box
        index = int(objects.classes[number])
        name = space.names[index] if 0 <= index < len(space.names) else f"class {index}"
        where = f"box {number} ({name}, {left:g} {top:g} to {right:g} {bottom:g})"
        if not all(np.isfinite(box)):
            yield Problem("outside", f"{where} lies nowhere")
        elif right <= left or bottom <= top:
            yield Problem("no area", where)
        elif left >= width or top >= height or right <= 0 or bottom <= 0:
            yield Problem("outside", f"{where} lies outside of the image of {width} x {height} (width x height)")
        elif min(left, top) < -REACH or right > width + REACH or bottom > height + REACH:
            yield Problem("over the edge", f"{where} in an image of {width} x {height} (width x height)")


def _point_problems(annotation: Annotation, size: tuple[int, int]) -> Iterator[Problem]:
    groups, objects = dict[str, Tensor](), annotation.objects
    if objects is not None and objects.keypoints is not None:
        for number, points in enumerate(objects.keypoints.as_subclass(Tensor)):
            seen = points if objects.visible is None else points[objects.visible[number] > 0]
            groups[f"the keypoints of object {number}"] = seen
    if annotation.keypoints is not None:
        groups["the keypoints"] = annotation.keypoints.as_subclass(Tensor)
    limits = torch.tensor([size[1], size[0]]) + REACH
    for whose, points in groups.items():
        outside = int((~((points >= -REACH) & (points <= limits)).all(dim=-1)).sum())
        if outside:
            kind = "outside" if outside == len(points) else "over the edge"
            where = f"lie outside of the image of {size_text(size)} (height x width)"
            yield Problem(kind, f"{outside} of {whose} ({len(points)}) {where}")


def problem_files(faults: Sequence[str], checked: Sequence[CheckedImage]) -> dict[str, list[File]]:
    """Return all that is broken or suspicious in one dataset, by kind.

    Args:
        faults: The layout's own.
        checked: Every image.
    """
    found: dict[str, list[File]] = {kind: [] for kind in KINDS}
    found["listing"] = [{"file": "", "detail": fault} for fault in faults]
    for image in checked:
        for problem in image.problems:
            found[problem.kind].append({"file": image.key, "detail": problem.detail})
    found["conflict"], found["duplicate"] = _same(checked, True), _same(checked, False)
    whole = [image for image in checked if image.size is not None]
    found["mode"] = _odd(whole, [image.mode for image in whole])
    found["size"] = _odd(whole, [size_text(image.size) for image in whole if image.size])
    return found


def finding(kind: str, files: list[File]) -> Finding:
    """One of `KINDS` with its files."""
    return {"kind": kind, **KINDS[kind]._asdict(), "files": files}  # type: ignore[typeddict-item]  # the same fields


def shared_pictures(checked: Sequence[CheckedImage], real: Sequence[CheckedImage]) -> list[File]:
    """Images here whose pixels are also an image there."""
    there = {image.content: image.key for image in real if image.content}
    return [
        {"file": image.key, "detail": f"is {there[image.content]} of the real images"}
        for image in checked
        if image.content in there
    ]


def size_text(size: tuple[int, int]) -> str:
    """Height and width as everywhere on the command line."""
    return f"{size[0]}x{size[1]}"


def _same(checked: Sequence[CheckedImage], conflict: bool) -> list[File]:
    """Images that repeat an earlier one: with another label than it, or not."""
    first: dict[bytes, CheckedImage] = {}
    files: list[File] = []
    for image in checked:
        if not image.content or any(problem.kind == "constant" for problem in image.problems):
            continue  # images of one color are alike, and told already
        earlier = first.setdefault(image.content, image)
        differs = bool(image.label and earlier.label and image.label != earlier.label)
        if earlier is not image and differs == conflict:
            files.append(
                {"file": image.key, "detail": f"is {earlier.key}" + (" with another label" if conflict else "")}
            )
    return files


def _odd(checked: Sequence[CheckedImage], values: Sequence[str]) -> list[File]:
    if not values:
        return []
    usual, count = Counter(values).most_common(1)[0]
    if count < USUAL * len(values):
        return []
    return [
        {"file": image.key, "detail": f"{value}, where {count} of {len(values)} are {usual}"}
        for image, value in zip(checked, values, strict=True)
        if value != usual
    ]
