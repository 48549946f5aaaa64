"""What all certificates of an audit come to, and how it is written."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from refine.audit.bound import CONFIDENCE, events, shared_error, wrong_labels
from refine.audit.decisions import HARMLESS
from refine.audit.families import ADAPTED, weakest
from refine.audit.page import write_audit_page
from refine.audit.pairs import Opened
from refine.audit.ranking import is_inconclusive, ranked, ranking_of
from refine.audit.remedy import remedies
from refine.audit.result import LINES, PAGE, SUMMARY, VERDICTS, Audit, Bound, Certificate, JudgeRecord
from refine.audit.verdicts import not_passed
from refine.files import write_json, write_whole

NO_BOUND = {
    "none": "No judge is competent on the refined images, so nothing can be said of the share of wrong labels.",
    "learned": (
        "The only competent judges learned from the refined images. What the translator does to all images alike is "
        "right to them, so no bound is given: train judges on some labeled real images (--real-labeled DIR), or decide "
        "on a random part of the images yourself."
    ),
}


def counts(certificates: Sequence[Certificate]) -> dict[str, int]:
    """Images by verdict."""
    return {verdict: sum(one["verdict"] == verdict for one in certificates) for verdict in VERDICTS}


def bound(certificates: Sequence[Certificate], records: Mapping[str, JudgeRecord], largest: int = 1) -> Bound:
    """How many labels may be wrong; None where no competent judge could tell.

    Args:
        certificates: One for each image.
        records: Evidence, as in `audit.json`.
        largest: Number of images in the largest group.
    """
    able = {
        name.partition(": ")[0]: one for name, one in records.items() if one["competent"] and "fail_threshold" in one
    }
    if not able.keys() - {ADAPTED}:
        reason = NO_BOUND["learned" if able else "none"]
        return {"upper": None, "upper_of_passed": None, "confidence": CONFIDENCE, "reasons": [reason]}
    # The best of the families whose judges did not learn from the refined images.
    families = {name: one.get("power", []) for name, one in able.items() if name != ADAPTED}
    error = shared_error(events(records, list(families), any(one["by"] == "person" for one in certificates)))
    power, low = max((weakest(found, error) for found in families.values()), key=lambda found: found[1])
    rejected = int(not_passed(certificates).sum())
    right = sum(one["by"] == "person" and one["verdict"] == "pass" for one in certificates)
    size = "" if power["size"] is None else f", {power['size']:g} {power['unit']}"
    moved = {
        name: [one for one in certificates if record["benign_threshold"] < one["scores"][name] <= record["threshold"]]
        for name, record in records.items()
        if record["competent"] and "benign_threshold" in record
    }
    spared = {
        one["key"] for those in moved.values() for one in those if one["verdict"] == "pass" and one["by"] == "audit"
    }
    return wrong_labels(
        len(certificates),
        rejected,
        right,
        low,
        f"{power['harm']}{size}, {power['n']} times",
        error,
        len(spared),
        # At most this share of all images between the two limits is wrong, and all of these may be among the passed.
        sum(HARMLESS * len(those) for those in moved.values()) if spared else 0.0,
        largest,
    )


def write_audit(output: Path, audit: Audit, certificates: Sequence[Certificate], opened: Opened) -> None:
    """Write the lines, the page and the summary; where the audit is inconclusive, with what would help, and ranks.

    Args:
        output: Folder of the audit.
        audit: Its ``ranking`` and ``remedies`` are filled in.
        certificates: One for each image.
        opened: The two datasets.
    """
    audit["ranking"] = ranking_of(audit["judges"]) if is_inconclusive(audit["counts"]) else None
    audit["remedies"] = remedies(audit, output)
    certificates = ranked(certificates, audit)
    lines = "".join(json.dumps(one) + "\n" for one in certificates)
    write_whole(output / LINES, lines.encode())
    write_audit_page(output / PAGE, audit, certificates, *opened)
    write_json(audit, output / SUMMARY)  # last: where it stands, the audit is whole
