"""The sorts of findings that there are."""

from typing import NamedTuple


class Kind(NamedTuple):
    """A sort of finding."""

    fault: bool
    what: str
    cure: str


KINDS = {
    "listing": Kind(True, "Files that do not fit the layout", "Each line says what to do."),
    "unreadable": Kind(True, "Images that cannot be read", "Render or download them again, or remove them."),
    "label": Kind(True, "Labels that cannot be read or do not fit their image", "Each line says what to do."),
    "outside": Kind(True, "Labels outside of their image", "Correct or remove them; was the image resized or cropped?"),
    "conflict": Kind(True, "Same picture, different labels", "Only one of them can be right: correct or remove."),
    "duplicate": Kind(False, "Same picture more than once", "Keep one, or training counts it twice."),
    "leak": Kind(False, "Pictures that are also among the real ones", "Keep them on one side only."),
    "over the edge": Kind(
        False, "Labels that reach over the edge of their image", "Fine where hidden parts are labeled on purpose."
    ),
    "no area": Kind(False, "Boxes without area", "Remove them: some detectors refuse them."),
    "void mask": Kind(False, "Masks without a single labeled pixel", "Is the mapping, or the table, the right one?"),
    "one class": Kind(False, "Masks of one class only", "Look at them: a failed render, or an empty scene?"),
    "binary": Kind(
        False,
        "Masks of nothing but 0 and 255",
        "255 stands for no class. If it is a thing here, write 1 for it, or say so (layout image-masks, with a table).",
    ),
    "one image": Kind(
        False,
        "Classes of a single image each",
        "Are they classes? A column of text or of numbers makes no classes (layout table, or images).",
    ),
    "gaze": Kind(
        False,
        "Gaze that points away from the camera",
        "Pitch and yaw are radians, and 0 and 0 look into the camera: are they degrees, or of another convention?",
    ),
    "not refined": Kind(
        False, "Images that `refine apply` lists and does not refine", "Each line says why, and what to do."
    ),
    "black": Kind(False, "Nearly black images", "Look at them: a failed render, or a night?"),
    "constant": Kind(False, "Images of a single color", "Render them again, or remove them."),
    "mode": Kind(False, "Images of another color mode than nearly all others", "Convert them, if nothing is lost."),
    "size": Kind(False, "Images of another size than nearly all others", "Look whether they belong here."),
}
"""By name, faults first, in the order in which they are told."""


def place(kind: str) -> int:
    """Which number a kind has among all."""
    return list(KINDS).index(kind)
