"""Which objects of a dataset are learned, and a count of those that are not."""

from collections import Counter
from dataclasses import replace

import torch

from refine.data.annotation import Objects, boxes_inside
from refine.data.move_objects import kept
from refine.labels import MOST_OBJECTS


def learned(objects: Objects | None, tally: Counter[str]) -> Objects | None:
    """The boxes, classes and outlines of one image that training needs: no crowd, and nothing without area.

    Outlines stay because crops and turns need them for close boxes; masks, which would fill the memory, do not.

    Args:
        objects: As the layout gives them; None if it has no label of the image.
        tally: Is added to: ``images``, ``empty`` ones, ``objects``, and of those that are not learned ``crowds``,
            ``flat`` (no area in the image) and ``beyond`` (more than `MOST_OBJECTS` in an image).
    """
    tally["images"] += 1
    if objects is None:
        tally["empty"] += 1
        return None
    boxes = boxes_inside(objects)
    flat = (boxes[:, 2:] <= boxes[:, :2]).any(dim=1)
    crowd = torch.zeros_like(flat) if objects.crowd is None else objects.crowd
    one = ~flat & ~crowd
    found = replace(objects, crowd=None, masks=None, keypoints=None, visible=None)
    found = found if bool(one.all()) else kept(found, one)
    beyond = max(0, len(found) - MOST_OBJECTS)
    tally["crowds"] += int(crowd.sum())
    tally["flat"] += int((flat & ~crowd).sum())
    tally["beyond"] += beyond
    tally["objects"] += len(found) - beyond
    tally["empty"] += not len(found)
    return found


def learned_line(tally: Counter[str]) -> str:
    """What `learned` has counted, in a line."""
    left = [
        f"{tally[name]} {what}"
        for name, what in (
            ("crowds", "crowds"),
            ("flat", "without area"),
            ("beyond", f"of images with more than {MOST_OBJECTS} (the largest stay)"),
        )
        if tally[name]
    ]
    out = f"; left out: {', '.join(left)}" if left else ""
    images = f"{tally['images']} image{'s' if tally['images'] != 1 else ''}"
    return f"objects: {tally['objects']} in {images}, {tally['empty']} of them without any{out}"
