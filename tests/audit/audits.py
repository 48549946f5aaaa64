"""What `refine audit` leaves, made up: for the pages that show it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from refine.audit.result import LINES, SUMMARY, VERDICTS, Audit, Certificate, JudgeRecord, Power, Rate, Verdict
from refine.metrics.intervals import clopper_pearson


def rate(hits: int, tries: int) -> Rate:
    low, high = clopper_pearson(hits, tries)
    return {"rate": hits / tries, "low": low, "high": high, "n": tries}


def power(harm: str, hits: int, tries: int = 100, size: float | None = None, unit: str = "") -> Power:
    return {**rate(hits, tries), "harm": harm, "size": size, "unit": unit}


def record(competent: bool = True, decides: bool = True, found: Sequence[Power] | None = None) -> JudgeRecord:
    """A judge whose scores above 0.5 ask for a review and above 1 fail; it found 98 of 100 replaced images."""
    planted = [power("another class's image", 98)] if found is None else list(found)
    made: JudgeRecord = {
        "competent": competent,
        "measured": 1.0,
        "bar": 0.9,
        "threshold": 0.5,
        "why": "",
        "power": planted,
    }
    return {**made, "fail_threshold": 1.0} if decides else made


def certificate(key: str, verdict: Verdict = "pass", **more: Any) -> Certificate:
    """Of judge ``agreement``, whose threshold is 0.5: rejected with 0.9, passed with 0.1."""
    bad = verdict in {"fail", "review"}
    found: Certificate = {
        "key": key,
        "verdict": verdict,
        "by": "audit",
        "reasons": ["The judge sees another class."] if bad else [],
        "scores": {"agreement": 0.9 if bad else 0.1},
    }
    return {**found, **more}  # type: ignore[typeddict-item]  # tests change what they like


def audit(certificates: Sequence[Certificate] = (), **more: Any) -> Audit:
    """The summary of some certificates; one competent judge, moved boxes found from 2 pixels on."""
    counts = {str(name): sum(each["verdict"] == name for each in certificates) for name in VERDICTS}
    found: Audit = {
        "kind": "class",
        "classes": ["green", "red"],
        "images": len(certificates),
        "counts": counts,
        "judges": {
            "agreement": {
                "competent": True,
                "measured": 0.97,
                "bar": 0.9,
                "threshold": 0.5,
                "why": "Balanced accuracy on held-out synthetic images.",
            }
        },
        "false_rejects": rate(3, 200),
        "false_rejects_by_change": {"noise": rate(1, 100), "blur": rate(2, 100)},
        "power": [
            power("another class's image", 98),
            *(power("moved", hits, size=size, unit="pixels") for size, hits in ((1, 5), (2, 60), (8, 99))),
        ],
        "bound_under_planted_corruption": {
            "upper": 0.031,
            "upper_of_passed": 0.012,
            "confidence": 0.95,
            "reasons": ["4 of 200 images failed.", "At least 95 % of wrong labels are found."],
        },
        "remedies": [],
        "ranking": None,
        "missing": 0,
        "decided_by_person": sum(each["by"] == "person" for each in certificates),
        "provenance": {"seed": 0, "versions": {"torch": "2.11"}},
    }
    return {**found, **more}  # type: ignore[typeddict-item]  # tests change what they like


def save_audit(folder: Path, certificates: Sequence[Certificate], **more: Any) -> Path:
    """As files; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SUMMARY).write_text(json.dumps(audit(certificates, **more)))
    (folder / LINES).write_text("".join(json.dumps(each) + "\n" for each in certificates))
    return folder
