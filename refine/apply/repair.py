"""Images that an audit says no to: less of the change, else the original, or no image at all."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

import numpy as np
from torch import Tensor

from refine.apply.codec import Levels, Picture, decode, encode
from refine.apply.files import shown, why
from refine.apply.manifest import Audited
from refine.apply.plan import Plan
from refine.apply.provenance import Settings
from refine.audit.result import LINES, Certificate
from refine.data.images import read_image
from refine.errors import InputError
from refine.files import read_image_file
from refine.methods.base import Plain

STRENGTHS = (0.75, 0.5, 0.25)
"""What is tried, in this order, of an image's whole change."""

IfWrong = Literal["original", "leave-out"]
"""What becomes of an image that passes at no strength."""

Repaired = Literal["fail", "review"]
"""Which verdicts ask for less strength: ``fail`` alone, or ``review`` as well."""

OF_PIXELS = ("precision", "scale", "strength")
"""Flags of `refine apply` with which an audit's images have to be made as they are made now. Another batch size moves a
level in 255, which no judge sees."""


class Judge(Protocol):
    """An audit that can judge again."""

    @property
    def verdicts(self) -> Mapping[str, Certificate]:
        """What it found, by key."""

    @property
    def model(self) -> str | None:
        """Sha256 of the checkpoint whose output it saw; None where nobody knows."""

    def __call__(self, key: str, synthetic: Tensor, refined: Tensor) -> Certificate:
        """Judge one image again, both ``(C, H, W)`` uint8, gray or RGB."""


class Decision(NamedTuple):
    """What is to be written in an image's place."""

    color: Levels | None
    """None: nothing of the change; the original, or no file."""
    audit: Audited | None
    """For the manifest; None in a run without an audit."""


class Repair:
    """What a run does about an audit's verdicts. Used from one thread.

    Args:
        folder: Where the audit stands, for messages.
        judge: The audit.
        digest: Sha256 of its lines.
        if_wrong: What becomes of an image that passes at no strength.
        repaired: Which verdicts ask for less.
        made_with: Flags of the run whose output was audited; empty where the audit has none.
    """

    def __init__(
        self,
        folder: Path,
        judge: Judge,
        digest: str,
        if_wrong: IfWrong,
        repaired: Repaired,
        made_with: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        self.folder, self.judge, self.digest = folder, judge, digest
        self.if_wrong, self.repaired, self.made_with = if_wrong, repaired, made_with

    @property
    def leaves_out(self) -> bool:
        """Whether images may be left out."""
        return self.if_wrong == "leave-out"

    def record(self) -> dict[str, Plain]:
        """What stands in the record of the run."""
        return {"sha256": self.digest, "if_wrong": self.if_wrong, "repair": self.repaired}

    def require_fit(self, model: str, settings: Settings, source: Path, plan: Plan) -> None:
        """Hold the audit against the run before anything is written.

        Args:
            model: Sha256 of the checkpoint.
            settings: Flags of the run.
            source: The dataset.
            plan: What is to be refined.

        Raises:
            InputError: If the audit is of another model's output, or of one that was made otherwise or repaired, an
                image has no verdict, or images lie in containers.
        """
        if plan.containers:
            raise InputError(
                f"{source / plan.containers[0].key}: holds its images inside, and --audit repairs image files only; "
                "unpack it, then refine and audit the folder"
            )
        if self.judge.model is None:
            raise InputError(
                f"{self.folder}: does not say by which model its images were refined, so no --checkpoint can be held "
                "against it; audit an output of `refine apply`"
            )
        if self.judge.model != model:
            raise InputError(
                f"{self.folder}: judges what another model than this --checkpoint made (sha256 {self.judge.model}, "
                f"not {model}); give the checkpoint that was audited, or audit what this one makes"
            )
        for name in OF_PIXELS:
            before, now = self.made_with.get(name), getattr(settings, name)
            if before is not None and before != now:
                raise InputError(
                    f"{self.folder}: judges what --{name} {before} made, and this is --{name} {now}; give the same, or "
                    "audit what this run makes"
                )
        if self.made_with.get("audit"):
            raise InputError(
                f"{self.folder}: judges images that were repaired already, so its pass may be of less than the whole "
                "change; give the audit of what `refine apply` made without --audit"
            )
        for image in plan.images:
            if image.key not in self.judge.verdicts and _can_be_decoded(source / image.key):
                raise InputError(
                    f"{self.folder / LINES}: no verdict on {shown(image.key)}; audit the refined dataset as it is now, "
                    "or say with --images which images were audited"
                )

    def is_wrong(self, key: str) -> bool:
        """Whether an image's verdict asks for less of the change."""
        verdict = self.judge.verdicts[key]["verdict"] if key in self.judge.verdicts else "pass"
        return verdict == "fail" or verdict == self.repaired

    def reason(self, key: str) -> str:
        """Why an image passes at no strength, for the manifest."""
        found = self.judge.verdicts[key]
        said = " ".join("; ".join(found["reasons"]).split())
        tried = ", ".join(str(strength) for strength in STRENGTHS)
        because = f" ({said})" if said else ""
        return shown(f"the audit says {found['verdict']}{because}, and at no strength of {tried} pass")

    def __call__(self, key: str, picture: Picture, color: Levels) -> Decision | str:
        """Decide on one image.

        Args:
            key: Its key.
            picture: The original.
            color: The refined levels, shape and type of ``picture.color``.

        Returns:
            What to write, or why it cannot be written at all.
        """
        before = self.judge.verdicts[key]["verdict"]
        if not self.is_wrong(key):
            return Decision(color, {"verdict": before, "strength": 1.0, "after": before})
        synthetic = _as_read(key, picture, picture.content)
        for strength in STRENGTHS:
            less = weakened(picture.color, color, strength)
            try:
                data, _ = encode(picture, less)
            except Exception as error:  # whatever an encoder raises concerns this file alone
                return f"cannot be written back the same ({why(error)})"
            after = self.judge(key, synthetic, _as_read(key, picture, data))["verdict"]
            if after == "pass":
                return Decision(less, {"verdict": before, "strength": strength, "after": after})
        return Decision(None, {"verdict": before, "strength": 0.0, "after": None})


def weakened(before: Levels, after: Levels, strength: float) -> Levels:
    """The original and a share of its change, rounded to the nearest level (halves to the even one).

    Args:
        before: Levels of any shape, 8 or 16 bits.
        after: Refined levels of the same shape and type.
        strength: 0 (the original) to 1 (all of the change).
    """
    start = before.astype(np.float64)
    mixed = np.rint(start + strength * (after.astype(np.float64) - start))
    return mixed.astype(np.uint16) if before.dtype == np.uint16 else mixed.astype(np.uint8)


def _as_read(key: str, picture: Picture, content: bytes) -> Tensor:
    """A file's pixels as an audit reads them, ``(C, H, W)`` uint8: 16 bits at 8, and without alpha."""
    return read_image(Path(key), picture.seen.channels, BytesIO(content))


def _can_be_decoded(path: Path) -> bool:
    # What cannot be was not refined, so nobody could audit it; the run lists it with its reason
    try:
        decode(read_image_file(path))
    except Exception:  # damaged files raise whatever their decoder stumbled over
        return False
    return True
