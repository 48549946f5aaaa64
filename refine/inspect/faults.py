"""What can be wrong with one image, its label, or several images together."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refine.data.annotation import Annotation, Objects
from refine.data.gaze import gaze_vector
from refine.data.samples import LabelSpace
from refine.inspect.kinds import KINDS
from refine.inspect.result import File, Finding, Problem
from refine.labels import IGNORE

BLACK = 16
"""A render is nearly black if 99 % of its pixels are below this level of 255."""
FLAT = 2
"""It is constant if no channel spans more levels."""
USUAL = 0.9
"""What so many images share, the others are odd."""
REACH = 1.0
"""Pixels by which a box or point may pass the image's edge: rounding."""


class Look(NamedTuple):
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
        yield from _point_problems(annotation.objects, size)
    if annotation.keypoints is not None:
        points = annotation.keypoints.as_subclass(Tensor)
        yield from _points_problem("the keypoints", points, size)
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


def _point_problems(objects: Objects, size: tuple[int, int]) -> Iterator[Problem]:
    if objects.keypoints is None:
        return
    for number, points in enumerate(objects.keypoints.as_subclass(Tensor)):
        seen = points if objects.visible is None else points[objects.visible[number] > 0]
        yield from _points_problem(f"the keypoints of object {number}", seen, size)


def _points_problem(whose: str, points: Tensor, size: tuple[int, int]) -> Iterator[Problem]:
    height, width = size
    limits = torch.tensor([width, height]) + REACH
    outside = int((~((points >= -REACH) & (points <= limits)).all(dim=-1)).sum())
    if outside:
        kind = "outside" if outside == len(points) else "over the edge"
        where = f"lie outside of the image of {height}x{width} (height x width)"
        yield Problem(kind, f"{outside} of {whose} ({len(points)}) {where}")


def findings(faults: Sequence[str], looks: Sequence[Look]) -> list[Finding]:
    """All that is broken or suspicious in one dataset, by kind.

    Args:
        faults: The layout's own.
        looks: Every image.
    """
    found: dict[str, list[File]] = defaultdict(list)
    found["listing"] = [{"file": "", "detail": fault} for fault in faults]
    for look in looks:
        for problem in look.problems:
            found[problem.kind].append({"file": look.key, "detail": problem.detail})
    for kind, files in (("conflict", _same(looks, True)), ("duplicate", _same(looks, False))):
        found[kind] = files
    whole = [look for look in looks if look.size is not None]
    found["mode"] = _odd(whole, [look.mode for look in whole])
    found["size"] = _odd(whole, [size_text(look.size) for look in whole if look.size])
    return [finding(kind, found[kind]) for kind in KINDS if found[kind]]


def finding(kind: str, files: list[File]) -> Finding:
    """One of `KINDS` with its files."""
    return {"kind": kind, **KINDS[kind]._asdict(), "files": files}  # type: ignore[typeddict-item]  # the same fields


def shared_pictures(looks: Sequence[Look], real: Sequence[Look]) -> list[File]:
    """Images here whose pixels are also an image there."""
    there = {look.content: look.key for look in real if look.content}
    return [
        {"file": look.key, "detail": f"is {there[look.content]} of the real images"}
        for look in looks
        if look.content in there
    ]


def size_text(size: tuple[int, int]) -> str:
    """Height and width as everywhere on the command line."""
    return f"{size[0]}x{size[1]}"


def _same(looks: Sequence[Look], conflict: bool) -> list[File]:
    """Images that repeat an earlier one: with another label than it, or not."""
    first: dict[bytes, Look] = {}
    files: list[File] = []
    for look in looks:
        if not look.content or any(problem.kind == "constant" for problem in look.problems):
            continue  # images of one color are alike, and told already
        earlier = first.setdefault(look.content, look)
        differs = bool(look.label and earlier.label and look.label != earlier.label)
        if earlier is not look and differs == conflict:
            files.append(
                {"file": look.key, "detail": f"is {earlier.key}" + (" with another label" if conflict else "")}
            )
    return files


def _odd(looks: Sequence[Look], values: Sequence[str]) -> list[File]:
    if not values:
        return []
    usual, count = Counter(values).most_common(1)[0]
    if count < USUAL * len(values):
        return []
    return [
        {"file": look.key, "detail": f"{value}, where {count} of {len(values)} are {usual}"}
        for look, value in zip(looks, values, strict=True)
        if value != usual
    ]
