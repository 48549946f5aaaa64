"""The order of suspicion among images that no competent judge answers for: weaker judges still rank them."""

from collections.abc import Mapping, Sequence

from refine.audit.families import replacements
from refine.audit.result import Audit, Certificate, JudgeRecord, Power, Ranking

LEAST = 1e-6
"""Limits are taken to be no nearer to 0 where scores are divided by them."""


def is_inconclusive(counts: Mapping[str, int]) -> bool:
    """Return whether most of the images are inconclusive.

    Args:
        counts: Number of images by verdict.
    """
    return counts["inconclusive"] * 2 > sum(counts.values())


def ranking_of(records: Mapping[str, JudgeRecord]) -> Ranking | None:
    """Return the judge ensemble that finds most of the planted harm, or None where none finds any.

    Args:
        records: As they stand in `audit.json`.
    """
    found: dict[str, Power] = {}
    for name, record in records.items():
        planted = replacements(record.get("power", []))
        if planted and "fail_threshold" in record:
            found[name.partition(": ")[0]] = min(planted, key=lambda power: power["low"])
    if not found:
        return None
    best = max(found, key=lambda name: found[name]["low"])
    return {"by": best, "rate": found[best]["rate"]} if found[best]["low"] > 0 else None


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
    # Like `worst_first`: excess over the limit, in limits, so that measures of several units compare.
    suspicion = {
        one["key"]: max((one["scores"][name] - limit) / max(abs(limit), LEAST) for name, limit in limits.items())
        for one in certificates
        if limits and one["verdict"] == "inconclusive"
    }
    order = {key: place for place, key in enumerate(sorted(suspicion, key=lambda key: (-suspicion[key], key)), 1)}
    found: list[Certificate] = []
    for one in certificates:
        plain: Certificate = {**one}
        plain.pop("rank", None)
        found.append({**plain, "rank": order[one["key"]]} if one["key"] in order else plain)
    return found
