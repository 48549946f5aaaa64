"""From an image's scores to its verdict, with reasons a person can read."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from refine.audit.calibration import above
from refine.audit.evidence import Evidence
from refine.audit.result import Certificate, JudgeRecord, Verdict

DIGITS = 6
"""Scores are written, and compared, with so many decimals."""
BEFORE = " before: "
"""Between a family's name and its measure, of the same judges' score of the synthetic image."""


class Found(NamedTuple):
    """What follows from the scores of one image."""

    verdict: Verdict
    reasons: list[str]


def verdict_of(scores: Mapping[str, float], records: Mapping[str, JudgeRecord]) -> Found:
    """One image's verdict.

    ``fail``: competent evidence lies above its limit for that, and did not before refinement. ``review``: competent
    evidence lies above its limit, or the judges did not find the label in the synthetic image either.
    ``inconclusive``: there is no competent evidence that can fail an image. ``pass``: the rest.

    Args:
        scores: As they stand in a certificate.
        records: As they stand in `audit.json`.
    """
    competent = {name: record for name, record in records.items() if record["competent"]}
    if not any("fail_threshold" in record for record in competent.values()):
        return Found("inconclusive", ["No judge is competent on the refined images."])
    verdict: Verdict = "pass"
    reasons: list[str] = []
    for name, record in competent.items():
        family, _, measure = name.partition(": ")
        score, fails_above = scores[name], record.get("fail_threshold")
        early = fails_above is not None and scores.get(f"{family}{BEFORE}{measure}", fails_above) > fails_above
        if early:
            verdict = "review" if verdict == "pass" else verdict
            reasons.append(f"The {family} judges do not find the label in the synthetic image either ({measure}).")
        elif fails_above is not None and score > fails_above:
            verdict = "fail"
            reasons.append(f"The {family} judges do not find the label ({measure}).")
        elif score > record["threshold"]:
            verdict = "review" if verdict == "pass" else verdict
            reasons.append(f"{_sentence(family, fails_above is not None)} ({measure}).")
    return Found(verdict, reasons)


def _sentence(family: str, decides: bool) -> str:
    return f"The {family} judges are in doubt about the label" if decides else f"Unusual: {family}"


def certify(keys: Sequence[str], evidence: Sequence[Evidence], records: Mapping[str, JudgeRecord]) -> list[Certificate]:
    """One certificate an image.

    Args:
        keys: Of the N images.
        evidence: All there is, competent or not.
        records: Of all of it.
    """
    columns: dict[str, list[float]] = {}
    for one in evidence:
        for measure, values in one.scores.items():
            columns[f"{one.name}: {measure}"] = values.tolist()
        for measure, values in one.before.items():
            columns[f"{one.name}{BEFORE}{measure}"] = values.tolist()
    found = []
    for place, key in enumerate(keys):
        scores = {name: round(values[place], DIGITS) for name, values in columns.items()}
        verdict, reasons = verdict_of(scores, records)
        found.append(Certificate(key=key, verdict=verdict, by="audit", reasons=reasons, scores=scores))
    return found


def share_read(one: Evidence) -> float:
    """Share of the refined images that evidence would not fail."""
    return 1.0 - float(above(one.scores, one.limits().fail).float().mean())


def not_passed(certificates: Sequence[Certificate]) -> Tensor:
    """``(N,)`` bool."""
    return torch.tensor([certificate["verdict"] != "pass" for certificate in certificates])
