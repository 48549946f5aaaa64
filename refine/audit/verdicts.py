"""From the scores of images to their verdicts, with reasons a person can read; and their order where there is none."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from refine.audit.calibration import replacements
from refine.audit.evidence import Evidence
from refine.audit.result import VERDICTS, Audit, Certificate, JudgeRecord, Power, Ranking, Verdict

DIGITS = 6
"""Scores are written, and compared, with so many decimals."""
BEFORE = " before: "
"""Between an ensemble's name and its measure, of the same judges' score of the synthetic image."""
LEAST_LIMIT = 1e-6
"""Limits are taken to be no nearer to 0 where scores are divided by them."""


class ReasonedVerdict(NamedTuple):
    """Verdict of one image and the reasons for it."""

    verdict: Verdict
    reasons: list[str]


def verdict_of(scores: Mapping[str, float], records: Mapping[str, JudgeRecord]) -> ReasonedVerdict:
    """Return one image's verdict.

    ``fail``: competent evidence lies above its limit for that, and did not before refinement. ``review``: competent
    evidence lies above its limit, or the judges did not find the label in the synthetic image either.
    ``inconclusive``: there is no competent evidence that can fail an image. ``pass``: the rest.

    Args:
        scores: As they stand in a certificate.
        records: As they stand in `audit.json`.
    """
    competent = {name: record for name, record in records.items() if record["competent"]}
    if not any("fail_threshold" in record for record in competent.values()):
        return ReasonedVerdict("inconclusive", ["No judge is competent on the refined images."])
    verdict: Verdict = "pass"
    reasons: list[str] = []
    for name, record in competent.items():
        ensemble, _, measure = name.partition(": ")
        score, fails_above = scores[name], record.get("fail_threshold")
        early = fails_above is not None and scores.get(f"{ensemble}{BEFORE}{measure}", fails_above) > fails_above
        if not early and fails_above is not None and score > fails_above:
            verdict = "fail"
            reasons.append(f"The {ensemble} judges do not find the label ({measure}).")
        elif early or score > record["threshold"]:
            verdict = "review" if verdict == "pass" else verdict
            if early:
                reason = f"The {ensemble} judges do not find the label in the synthetic image either"
            elif fails_above is not None:
                reason = f"The {ensemble} judges are in doubt about the label"
            else:
                reason = f"Unusual: {ensemble}"
            reasons.append(f"{reason} ({measure}).")
    return ReasonedVerdict(verdict, reasons)


def certify(keys: Sequence[str], evidence: Sequence[Evidence], records: Mapping[str, JudgeRecord]) -> list[Certificate]:
    """Return one certificate an image.

    Args:
        keys: Keys of the N images.
        evidence: All there is, competent or not.
        records: Records of all of it.
    """
    columns: dict[str, list[float]] = {}
    for one in evidence:
        for between, scores in ((": ", one.scores), (BEFORE, one.before)):
            columns |= {f"{one.name}{between}{measure}": values.tolist() for measure, values in scores.items()}
    found = []
    for place, key in enumerate(keys):
        rounded = {name: round(values[place], DIGITS) for name, values in columns.items()}
        verdict, reasons = verdict_of(rounded, records)
        found.append(Certificate(key=key, verdict=verdict, by="audit", reasons=reasons, scores=rounded))
    return found


def count_verdicts(certificates: Sequence[Certificate]) -> dict[str, int]:
    """Return the number of images by verdict, all four."""
    return {verdict: sum(one["verdict"] == verdict for one in certificates) for verdict in VERDICTS}


def is_inconclusive(counts: Mapping[str, int]) -> bool:
    """Return whether most of the images are inconclusive.

    Args:
        counts: Number of images by verdict.
    """
    return counts["inconclusive"] * 2 > sum(counts.values())


def ranking_of(records: Mapping[str, JudgeRecord]) -> Ranking | None:
    """Return the judge ensemble that finds most of the planted corruption, or None where none finds any.

    Args:
        records: As they stand in `audit.json`.
    """
    found: dict[str, Power] = {}
    for name, record in records.items():
        planted = replacements(record.get("power", []))
        if planted and "fail_threshold" in record:
            found[name.partition(": ")[0]] = min(planted, key=lambda power: power["low"])
    best = max(found, key=lambda name: found[name]["low"], default=None)
    return {"by": best, "rate": found[best]["rate"]} if best is not None and found[best]["low"] > 0 else None


def ranked(certificates: Sequence[Certificate], audit: Audit) -> list[Certificate]:
    """Return the certificates with a rank for each inconclusive image, and without one for the others.

    Args:
        certificates: One for each image.
        audit: Its ``ranking`` names the judge ensemble; where it is None, no image has a rank.
    """
    ranking = audit.get("ranking")
    limits = {
        name: record["fail_threshold"]
        for name, record in audit["judges"].items()
        if ranking is not None and name.partition(": ")[0] == ranking["by"]
    }
    excesses = {
        one["key"]: excess(one["scores"], limits) for one in certificates if limits and one["verdict"] == "inconclusive"
    }
    order = {key: place for place, key in enumerate(sorted(excesses, key=lambda key: (-excesses[key], key)), 1)}
    found: list[Certificate] = []
    for one in certificates:
        plain: Certificate = {**one}
        plain.pop("rank", None)
        found.append({**plain, "rank": order[one["key"]]} if one["key"] in order else plain)
    return found


def excess(scores: Mapping[str, float], limits: Mapping[str, float]) -> float:
    """Return how far the farthest score lies above its limit, in limits, so that measures of several units compare; 0
    without one."""
    above = ((scores[name] - limit) / max(abs(limit), LEAST_LIMIT) for name, limit in limits.items() if name in scores)
    return max(above, default=0.0)


def worst_first(certificates: Sequence[Certificate], judges: Mapping[str, JudgeRecord]) -> list[Certificate]:
    """Sort by rank where they have one; else first those with the largest `excess`; then by number of reasons, key.

    Args:
        certificates: In any order.
        judges: As they stand in `audit.json`; a score without a competent judge of its name counts nothing.
    """
    limits = {
        name: judge.get("fail_threshold", judge["threshold"]) for name, judge in judges.items() if judge["competent"]
    }

    def place(each: Certificate) -> tuple[int, float, int, str]:
        return each.get("rank", 0), -excess(each["scores"], limits), -len(each["reasons"]), each["key"]

    return sorted(certificates, key=place)
