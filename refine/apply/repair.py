"""Images that an audit says no to: less of the change, else the original, or neither the image nor its own labels."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np
from torch import Tensor

from refine.apply.codec import DecodedImage, Levels, decode, try_to_encode
from refine.apply.manifest import LEFT_OUT, AuditOutcome, ManifestEntry, Verdict, failed, regular_sha256
from refine.apply.options import ApplyOptions, IfWrong, Repaired
from refine.apply.plan import ApplyPlan
from refine.apply.writer import Finished
from refine.data.images import read_image
from refine.data.open_layout import open_layout
from refine.errors import InputError
from refine.files import read_image_file, shown

STRENGTHS = (0.75, 0.5, 0.25)
"""Shares of an image's change that are tried, in this order."""

PIXEL_FLAGS = ("precision", "scale", "strength")
"""Flags of `refine apply` with which an audit's images have to be made as they are made now. Another batch size moves a
level in 255, which no judge sees."""

Owners = Mapping[str, frozenset[str]]
"""Keys of images by the key of a file that holds their labels."""


class Judgement(TypedDict):
    """Verdict of an audit on one image; its certificates hold more."""

    verdict: Verdict
    reasons: list[str]


class ImageToWrite(NamedTuple):
    """The pixels to write in an image's place."""

    color: Levels | None
    """None: nothing of the change; the original, or no file."""
    audit: AuditOutcome | None = None
    """For the manifest; None in a run without an audit."""


@dataclass(frozen=True)
class Repair:
    """Follows an audit's verdicts in a run. Used from one thread."""

    lines: Path
    """The audit's file of verdicts, for messages."""
    digest: str
    """Sha256 of it."""
    verdicts: Mapping[str, Judgement]
    """Verdicts by key."""
    model: str | None
    """Sha256 of the checkpoint whose output was audited; None where nobody knows."""
    judge: Callable[[str, Tensor, Tensor], Judgement]
    """Judges the image of a key again, from it and its refined image, both ``(C, H, W)`` uint8, gray or RGB."""
    if_wrong: IfWrong = "original"
    repaired: Repaired = "fail"
    made_with: Mapping[str, object] = field(default_factory=dict)
    """Flags of the run whose output was audited; empty where the audit has none."""

    @property
    def leaves_out(self) -> bool:
        """Whether images may be left out."""
        return self.if_wrong == "leave-out"

    def record(self) -> dict[str, object]:
        """Return what stands in the record of the run."""
        return {"sha256": self.digest, "if_wrong": self.if_wrong, "repair": self.repaired}

    def require_fit(self, model: str, options: ApplyOptions, source: Path, plan: ApplyPlan) -> None:
        """Hold the audit against the run, of the checkpoint with the sha256 ``model``, before anything is written.

        Raises:
            InputError: If the audit is of another model's output, or of one that was made otherwise or repaired, an
                image has no verdict, or images lie in containers.
        """
        folder = self.lines.parent
        if plan.containers:
            raise InputError(
                f"{source / next(iter(plan.containers))}: holds its images inside, and --audit repairs image files "
                "only; unpack it, then refine and audit the folder"
            )
        if self.model is None:
            raise InputError(
                f"{folder}: does not say by which model its images were refined, so no --checkpoint can be held "
                "against it; audit an output of `refine apply`"
            )
        if self.model != model:
            raise InputError(
                f"{folder}: judges what another model than this --checkpoint made (sha256 {self.model}, not {model}); "
                "give the checkpoint that was audited, or audit what this one makes"
            )
        for name in PIXEL_FLAGS:
            before, now = self.made_with.get(name), getattr(options, name)
            if before is not None and before != now:
                raise InputError(
                    f"{folder}: judges what --{name} {before} made, and this is --{name} {now}; give the same, or "
                    "audit what this run makes"
                )
        if self.made_with.get("audit"):
            raise InputError(
                f"{folder}: judges images that were repaired already, so its pass may be of less than the whole "
                "change; give the audit of what `refine apply` made without --audit"
            )
        for image in plan.images:
            if image.key not in self.verdicts and _can_be_decoded(source / image.key):
                raise InputError(
                    f"{self.lines}: no verdict on {shown(image.key)}; audit the refined dataset as it is now, "
                    "or say with --images which images were audited"
                )

    def is_wrong(self, key: str) -> bool:
        """Return whether an image's verdict asks for less of the change."""
        return key in self.verdicts and self.verdicts[key]["verdict"] in {"fail", self.repaired}

    def reason(self, key: str) -> str:
        """Say why an image passes at no strength, for the manifest."""
        found = self.verdicts[key]
        said = " ".join("; ".join(found["reasons"]).split())
        tried = ", ".join(map(str, STRENGTHS))
        because = f" ({said})" if said else ""
        return shown(f"the audit says {found['verdict']}{because}, and at no strength of {tried} pass")

    def __call__(self, key: str, picture: DecodedImage, color: Levels) -> ImageToWrite | str:
        """Decide on one image.

        Args:
            key: Its key.
            picture: The original.
            color: The refined levels, shape and type of ``picture.color``.

        Returns:
            What to write, or why it cannot be written at all.
        """
        before = self.verdicts[key]["verdict"]
        if not self.is_wrong(key):
            return ImageToWrite(color, {"verdict": before, "strength": 1.0, "after": before})
        synthetic = _as_read(key, picture, picture.content)
        for strength in STRENGTHS:
            less = weakened(picture.color, color, strength)
            encoded = try_to_encode(picture, less)
            if isinstance(encoded, str):
                return encoded
            after = self.judge(key, synthetic, _as_read(key, picture, encoded[0]))["verdict"]
            if after == "pass":
                return ImageToWrite(less, {"verdict": before, "strength": strength, "after": after})
        return ImageToWrite(None, {"verdict": before, "strength": 0.0, "after": None})


def weakened(before: Levels, after: Levels, strength: float) -> Levels:
    """Return the original and a share of its change, rounded to the nearest level (halves to the even one).

    Args:
        before: Levels of any shape, 8 or 16 bits.
        after: Refined levels of the same shape and type.
        strength: 0 (the original) to 1 (all of the change).
    """
    start = before.astype(np.float64)
    mixed = np.rint(start + strength * (after.astype(np.float64) - start))
    return mixed.astype(np.uint16) if before.dtype == np.uint16 else mixed.astype(np.uint8)


def _as_read(key: str, picture: DecodedImage, content: bytes) -> Tensor:
    """A file's pixels as an audit reads them, ``(C, H, W)`` uint8: 16 bits at 8, and without alpha."""
    return read_image(Path(key), picture.seen.channels, BytesIO(content))


def _can_be_decoded(path: Path) -> bool:
    # What cannot be was not refined, so nobody could audit it; the run lists it with its reason
    try:
        decode(read_image_file(path))
    except Exception:  # damaged files raise whatever their decoder stumbled over
        return False
    return True


def label_owners(source: Path, layout: str | None) -> Owners | None:
    """Find out whose label each file is.

    Args:
        source: The dataset, without links in its path.
        layout: As `open_layout` takes it; None for ``auto``.

    Returns:
        Empty where labels are not files of their own; None where nobody knows of any labels.
    """
    try:
        opened = open_layout(layout or "auto", source, guard=False)
    except InputError:  # the images were named without a layout
        return None
    if not opened.label_space.is_labeled:
        return None
    found: dict[str, set[str]] = defaultdict(set)
    for record in opened.records():
        for file in record.label_files:
            if file.is_relative_to(source):
                found[file.relative_to(source).as_posix()].add(record.key)
    if not found and layout is None and not opened.specific:
        return None  # a guess that has no label files at all: whatever lies next to the images may be one
    return {key: frozenset(images) for key, images in found.items()}


def is_left_out(key: str, entries: Mapping[str, ManifestEntry]) -> bool:
    """Return whether a manifest lists a file as left out."""
    return key in entries and entries[key]["status"] == LEFT_OUT


def all_left_out(images: Iterable[str], entries: Mapping[str, ManifestEntry]) -> bool:
    """Return whether a manifest lists each of some images as left out."""
    return all(is_left_out(image, entries) for image in images)


def shared_with_left_out(owners: Owners, entries: Mapping[str, ManifestEntry]) -> list[str]:
    """Return the keys, sorted, of carried files that hold labels of images that are left out, and of others."""
    return sorted(
        key
        for key, images in owners.items()
        if key in entries and entries[key]["status"] == "done" and any(is_left_out(image, entries) for image in images)
    )


def leave_out(source: Path, final: Path, key: str) -> Finished:
    """Leave out a label file with its images; nothing may stand at ``final``."""
    digest = regular_sha256(source)
    if digest is None:
        return Finished(failed(key, "carried", "cannot be read"), final)
    entry: ManifestEntry = {
        "key": key,
        "kind": "carried",
        "status": LEFT_OUT,
        "reason": "all images whose label it is are left out",
        "sha256": digest,
    }
    return Finished(entry, final)
