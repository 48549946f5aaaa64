"""A finished audit that judges images again: what `refine apply --audit` asks at each strength."""

from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from refine.audit.judges import deciding, judge
from refine.audit.result import LINES, SUMMARY, VERDICTS, Audit, Certificate
from refine.audit.stored import Stored, load_stored
from refine.audit.verdicts import DIGITS, verdict_of
from refine.data.images import resize_levels, to_float
from refine.errors import InputError
from refine.files import read_json, read_json_lines

CURE = "audit again"
NAMED = f"name a folder that `refine audit` wrote, or {CURE}"


class Auditor:
    """What `refine audit` left in a folder.

    Args:
        verdicts: The certificate of each image, by key.
        audit: What `audit.json` holds.
        stored: The judges.
    """

    def __init__(self, verdicts: dict[str, Certificate], audit: Audit, stored: Stored) -> None:
        self.verdicts, self.audit, self.stored = verdicts, audit, stored
        families = {family.name for family in stored.families}
        self.records = {name: record for name, record in audit["judges"].items() if name.partition(": ")[0] in families}

    @property
    def model(self) -> str | None:
        """Sha256 of the checkpoint whose output was audited; None where nobody recorded it."""
        found = self.audit["provenance"].get("model")
        return None if found is None else str(found)

    @classmethod
    def load(cls, folder: Path, trust: tuple[str, ...] = ()) -> "Auditor":
        """Read a folder.

        Raises:
            InputError: If a file is missing or damaged.
        """
        return cls(read_certificates(folder), read_audit(folder), load_stored(folder, trust))

    def __call__(self, key: str, synthetic: Tensor, refined: Tensor) -> Certificate:
        """Judge one image again.

        Args:
            key: Under which it was audited.
            synthetic: ``(C, H, W)`` uint8, gray or RGB.
            refined: The same shape.

        Raises:
            InputError: If the key was not audited.
        """
        stored = self.stored
        if key not in stored.places:
            raise InputError(f"{key}: is no image of this audit; {CURE}")
        place = stored.places[key]
        fold, label = stored.folds[place : place + 1], stored.labels[place : place + 1]
        names = deciding(stored.kind, stored.names)
        scores = dict(self.verdicts[key]["scores"]) if key in self.verdicts else {}
        for family in stored.families:
            said = judge(family, self._seen(refined), fold, label, stored.kind, stored.names).scores
            scores |= {f"{family.name}: {name}": round(float(said[name]), DIGITS) for name in names}
        verdict, reasons = verdict_of(scores, self.records)
        rest = {name: record for name, record in self.audit["judges"].items() if name not in self.records}
        doubts = [name for name, record in rest.items() if record["competent"] and scores[name] > record["threshold"]]
        if verdict == "pass" and doubts:  # evidence that is not measured again is not gone either
            verdict, reasons = "review", [f"Unusual at full strength: {name}." for name in doubts]
        before = self.verdicts.get(key)
        if before and before["by"] == "person" and before["verdict"] == "fail" and before["audit_verdict"] == "pass":
            # What the person saw these judges did not see at full strength, so their word counts at none.
            verdict, reasons = "fail", before["reasons"]
        return Certificate(key=key, verdict=verdict, by="audit", reasons=reasons, scores=scores)

    def _seen(self, image: Tensor) -> Tensor:
        """``(1, C, H, W)`` in [-1, 1] as judges see it."""
        gray = torch.tensor([0.299, 0.587, 0.114])
        if image.shape[0] == 3 and self.stored.channels == 1:
            image = (image.float() * gray[:, None, None]).sum(0, keepdim=True).round().to(torch.uint8)
        return to_float(resize_levels(image.expand(self.stored.channels, -1, -1), self.stored.size))[None]


def read_audit(folder: Path) -> Audit:
    """What `audit.json` holds.

    Raises:
        InputError: If it is missing or damaged.
    """
    path = folder / SUMMARY
    found = read_json(path, NAMED)
    if not isinstance(found, dict) or not {"judges", "provenance", "counts"} <= found.keys():
        raise InputError(f"{path}: damaged, judges, provenance or counts are missing; {CURE}")
    return cast(Audit, found)


def read_certificates(folder: Path) -> dict[str, Certificate]:
    """What `audit.jsonl` holds, by key.

    Raises:
        InputError: If it is missing, or a line is damaged.
    """
    path = folder / LINES
    found: dict[str, Certificate] = {}
    for where, one in read_json_lines(path, NAMED):
        try:
            whole = isinstance(one["key"], str) and one["verdict"] in VERDICTS and isinstance(one["scores"], dict)
        except (KeyError, TypeError):
            whole = False
        if not whole:
            raise InputError(f"{where}: damaged; {CURE}")
        found[one["key"]] = cast(Certificate, one)
    return found
