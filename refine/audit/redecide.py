"""A person's verdicts added to a finished audit, without training."""

import math
from collections.abc import Mapping
from pathlib import Path

from refine.audit.auditor import read_audit, read_certificates
from refine.audit.bound import events, shared_error
from refine.audit.conclusion import bound, counts, write_audit
from refine.audit.decisions import Decision, cut_points, decide, moved_limit, read_decisions
from refine.audit.families import ADAPTED
from refine.audit.pairs import open_pairs
from refine.audit.result import SUMMARY, Audit, Certificate, JudgeRecord
from refine.audit.verdicts import verdict_of
from refine.errors import InputError

NEEDED = {"synthetic", "refined", "layout", "mapping", "classes"}
"""What the provenance must say to open the datasets again."""


def redecide(output: Path, decisions: Path) -> Audit:
    """Add a person's verdicts to a finished audit: they stand, and where they are enough (`moved_limit`) the limits
    for a review move to where they say. Nothing is trained.

    Raises:
        InputError: If the folder holds no whole audit, its datasets have gone, or the decisions cannot be read.
    """
    audit, before = read_audit(output), read_certificates(output)
    if "bound_under_planted_corruption" not in audit:
        raise InputError(f"{output / SUMMARY}: made by an earlier version, whose bound held too seldom; audit again")
    made = audit["provenance"]
    if not made.keys() >= NEEDED:
        raise InputError(f"{output / SUMMARY}: damaged, its provenance does not say what was audited; audit again")
    classes = made["classes"]
    opened = open_pairs(
        Path(str(made["synthetic"])),
        Path(str(made["refined"])),
        str(made["layout"]),
        None if made["mapping"] is None else str(made["mapping"]),
        tuple(map(str, classes)) if isinstance(classes, list) else None,
    )
    given_now = read_decisions(decisions, list(before))
    standing: dict[str, Decision] = {
        key: "pass" if one["verdict"] == "pass" else "fail" for key, one in before.items() if one["by"] == "person"
    }
    decided = {**standing, **given_now}
    records = recalibrated(audit["judges"], before, decided)
    certificates = []
    for key, one in before.items():
        verdict, reasons = verdict_of(one["scores"], records)
        if verdict == "pass" and one.get("audit_verdict", one["verdict"]) == "fail":
            verdict, reasons = "fail", one["reasons"]
        certificates.append(Certificate(key=key, verdict=verdict, by="audit", reasons=reasons, scores=one["scores"]))
    certificates = decide(certificates, decided)
    audit["judges"], audit["counts"], audit["decided_by_person"] = records, counts(certificates), len(decided)
    audit["bound_under_planted_corruption"] = bound(certificates, records, audit.get("largest_group", 1))
    made["decisions"] = str(decisions)
    write_audit(output, audit, certificates, opened)
    return audit


def recalibrated(
    records: Mapping[str, JudgeRecord], certificates: Mapping[str, Certificate], decided: Mapping[str, Decision]
) -> dict[str, JudgeRecord]:
    """Records whose limits for a review lie where a person's decisions say, see `moved_limit`.

    Args:
        records: Of the evidence.
        certificates: With the scores of every image, by key.
        decided: All decisions, by key.
    """
    families = {
        name.partition(": ")[0] for name, one in records.items() if one["competent"] and "fail_threshold" in one
    }
    error = shared_error(events(records, sorted(families - {ADAPTED}), decided=True))
    found: dict[str, JudgeRecord] = {}
    for name, record in records.items():
        if not record["competent"]:
            found[name] = record
            continue
        scores = {key: one["scores"][name] for key, one in certificates.items()}
        benign = record.get("benign_threshold", record["threshold"])  # all decisions count, whenever they were made
        cuts = cut_points(list(scores.values()), benign, record.get("fail_threshold", math.inf))
        limit = moved_limit([scores[key] for key in decided], list(decided.values()), benign, cuts, error)
        found[name] = {**record, "threshold": limit, "benign_threshold": benign}
    return found
