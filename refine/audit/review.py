"""Additions to a finished audit without training: a person's verdicts, and a sample for a person to answer."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from refine.audit.decisions import decided_ones, override, read_decisions, recalibrated
from refine.audit.inconclusive import is_inconclusive, ranked, ranking_of, remedies
from refine.audit.page import write_audit_page
from refine.audit.pairs import OpenedPairs, open_pairs
from refine.audit.result import (
    LINES,
    PAGE,
    SAMPLE,
    SUMMARY,
    Audit,
    Certificate,
    Decision,
    read_audit,
    read_certificates,
)
from refine.audit.sampling import (
    AuditSample,
    answered,
    draw,
    drawn,
    estimated,
    is_answer_to,
    largest_draw,
    read_sample,
    require_no_sample,
    write_sample,
)
from refine.audit.verdicts import (
    bound_of,
    count_verdicts,
    verdict_of,
)
from refine.errors import InputError
from refine.files import write_whole
from refine.json_files import write_json
from refine.metrics.intervals import clopper_pearson

NEEDED = {"synthetic", "refined", "layout", "mapping", "classes"}
"""Fields of the provenance that it takes to open the datasets again."""


def add_decisions(output: Path, decisions: Path) -> Audit:
    """Add a person's verdicts to a finished audit: they stand, and where they are enough (`moved_limit`) the limits
    for a review move to where they say. Answers on a random sample say how many labels are wrong. Nothing is trained.

    Raises:
        InputError: If the folder holds no whole audit, its datasets have gone, or the decisions cannot be read.
    """
    audit, before = finished(output)
    opened = reopened(output, audit)
    read = read_decisions(decisions, list(before))
    sample = read_sample(output)
    if sample is not None and is_answer_to(sample, read):
        said = {key: verdict for key, verdict in read.items() if verdict is not None}
        sample = answered(sample, said, decisions)
        write_json(sample, output / SAMPLE)
    elif sample is not None and (here := read.keys() & set(drawn(sample))):
        print(
            f"refine: {decisions}: lists {len(here)} of the {len(drawn(sample))} sampled images, and others: "
            "decisions, but no answers to the sample; for that, list all of its images, or no others",
            file=sys.stderr,
        )
    standing: dict[str, Decision] = {
        key: "pass" if one["verdict"] == "pass" else "fail" for key, one in before.items() if one["by"] == "person"
    }
    decided = {**standing, **decided_ones(read)}
    largest = audit.get("largest_group", 1)
    together = largest_draw(sample) if sample is not None and largest == 1 else largest
    records = recalibrated(audit["judges"], before, decided, together)
    certificates = []
    for key, one in before.items():
        verdict, reasons = verdict_of(one["scores"], records)
        if verdict == "pass" and one.get("audit_verdict", one["verdict"]) == "fail":
            verdict, reasons = "fail", one["reasons"]
        certificates.append(Certificate(key=key, verdict=verdict, by="audit", reasons=reasons, scores=one["scores"]))
    certificates = override(certificates, decided)
    audit["judges"], audit["counts"] = records, count_verdicts(certificates)
    audit["decided_by_person"] = len(decided)
    audit["bound_under_planted_corruption"] = bound_of(certificates, records, largest)
    add_what_people_say(audit, certificates, sample)
    audit["provenance"]["decisions"] = str(decisions)
    write_audit(output, audit, certificates, opened)
    return audit


def draw_sample(output: Path, number: int, seed: int, groups: str | None = None) -> None:
    """Draw a random sample of a finished audit, and write the table and the page to answer it with.

    Args:
        output: Folder of the audit.
        number: Number of images.
        seed: Seed of the draw.
        groups: As `load_clusters` takes it; None takes those of the audit.

    Raises:
        InputError: If the folder holds no whole audit or a sample already, the audit has other groups, or its datasets
            have gone.
    """
    audit, certificates = finished(output)
    require_no_sample(output)
    own = audit["provenance"].get("groups")
    if groups is not None and own is not None and groups != str(own):
        raise InputError(f"--groups {groups}: the audit was made with --groups {own}; leave it out, or audit again")
    sample = draw(list(certificates.values()), number, seed, groups if own is None else str(own))
    write_sample(output, sample, *reopened(output, audit))


def finished(output: Path) -> tuple[Audit, dict[str, Certificate]]:
    """Return what a finished audit found.

    Raises:
        InputError: If the folder holds no whole audit.
    """
    audit, certificates = read_audit(output), read_certificates(output)
    if not audit["provenance"].keys() >= NEEDED:
        raise InputError(f"{output / SUMMARY}: damaged, its provenance does not say what was audited; audit again")
    return audit, certificates


def reopened(output: Path, audit: Audit) -> OpenedPairs:
    """Open the datasets of a finished audit."""
    made_with = audit["provenance"]
    classes = made_with["classes"]
    return open_pairs(
        Path(str(made_with["synthetic"])),
        Path(str(made_with["refined"])),
        str(made_with["layout"]),
        None if made_with["mapping"] is None else str(made_with["mapping"]),
        tuple(map(str, classes)) if isinstance(classes, list) else None,
    )


def add_what_people_say(audit: Audit, certificates: Sequence[Certificate], sample: AuditSample | None) -> None:
    """Put the estimate of a random sample into the summary, or else how many of the wrong labels that a person found
    the audit had not passed. The latter needs decided images that it passed: of those that it did not, all are found.
    """
    found = None if sample is None else estimated(sample)
    if found is not None:
        audit["sample"] = found
    wrong = [one for one in certificates if one["by"] == "person" and one["verdict"] == "fail"]
    passed = any(one["by"] == "person" and one.get("audit_verdict") == "pass" for one in certificates)
    audit.pop("natural_power", None)
    if found is None and wrong and passed:
        held = sum(one.get("audit_verdict") != "pass" for one in wrong)
        low, high = clopper_pearson(held, len(wrong))
        audit["natural_power"] = {"rate": held / len(wrong), "low": low, "high": high, "n": len(wrong)}


def write_audit(output: Path, audit: Audit, certificates: Sequence[Certificate], opened: OpenedPairs) -> None:
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
