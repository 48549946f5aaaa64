"""A person's verdicts added to a finished audit, without training."""

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from refine.audit.auditor import read_audit, read_certificates
from refine.audit.bound import events, shared_error
from refine.audit.conclusion import bound, counts, write_audit
from refine.audit.decisions import Decision, cut_points, decide, made, moved_limit, read_decisions
from refine.audit.families import ADAPTED
from refine.audit.pairs import Opened, open_pairs
from refine.audit.result import SAMPLE, SUMMARY, Audit, Certificate, JudgeRecord
from refine.audit.sample_page import sample_page
from refine.audit.sampling import (
    Sample,
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
from refine.audit.verdicts import verdict_of
from refine.errors import InputError
from refine.files import write_json
from refine.metrics.intervals import clopper_pearson

NEEDED = {"synthetic", "refined", "layout", "mapping", "classes"}
"""What the provenance must say to open the datasets again."""


def redecide(output: Path, decisions: Path) -> Audit:
    """Add a person's verdicts to a finished audit: they stand, and where they are enough (`moved_limit`) the limits
    for a review move to where they say. Answers on a random sample say how many labels are wrong. Nothing is trained.

    Raises:
        InputError: If the folder holds no whole audit, its datasets have gone, or the decisions cannot be read.
    """
    audit, before = finished(output)
    opened = reopened(output, audit)
    read = read_decisions(decisions, list(before))
    given_now = made(read)
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
    decided = {**standing, **given_now}
    largest = audit.get("largest_group", 1)
    together = largest_draw(sample) if sample is not None and largest == 1 else largest
    records = recalibrated(audit["judges"], before, decided, together)
    certificates = []
    for key, one in before.items():
        verdict, reasons = verdict_of(one["scores"], records)
        if verdict == "pass" and one.get("audit_verdict", one["verdict"]) == "fail":
            verdict, reasons = "fail", one["reasons"]
        certificates.append(Certificate(key=key, verdict=verdict, by="audit", reasons=reasons, scores=one["scores"]))
    certificates = decide(certificates, decided)
    audit["judges"], audit["counts"], audit["decided_by_person"] = records, counts(certificates), len(decided)
    audit["bound_under_planted_corruption"] = bound(certificates, records, largest)
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
    groups = groups if own is None else str(own)
    sample = draw(list(certificates.values()), number, seed, groups)
    write_sample(output, sample, sample_page(output, drawn(sample), *reopened(output, audit)))


def finished(output: Path) -> tuple[Audit, dict[str, Certificate]]:
    """What a finished audit found.

    Raises:
        InputError: If the folder holds no whole audit, or that of an earlier version.
    """
    audit, certificates = read_audit(output), read_certificates(output)
    if "bound_under_planted_corruption" not in audit:
        raise InputError(f"{output / SUMMARY}: made by an earlier version, whose bound held too seldom; audit again")
    if not audit["provenance"].keys() >= NEEDED:
        raise InputError(f"{output / SUMMARY}: damaged, its provenance does not say what was audited; audit again")
    return audit, certificates


def reopened(output: Path, audit: Audit) -> Opened:
    """The datasets of a finished audit."""
    made_with = audit["provenance"]
    classes = made_with["classes"]
    return open_pairs(
        Path(str(made_with["synthetic"])),
        Path(str(made_with["refined"])),
        str(made_with["layout"]),
        None if made_with["mapping"] is None else str(made_with["mapping"]),
        tuple(map(str, classes)) if isinstance(classes, list) else None,
    )


def add_what_people_say(audit: Audit, certificates: Sequence[Certificate], sample: Sample | None) -> None:
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


def recalibrated(
    records: Mapping[str, JudgeRecord],
    certificates: Mapping[str, Certificate],
    decided: Mapping[str, Decision],
    largest: int = 1,
) -> dict[str, JudgeRecord]:
    """Records whose limits for a review lie where a person's decisions say, see `moved_limit`.

    Args:
        records: Of the evidence.
        certificates: With the scores of every image, by key.
        decided: All decisions, by key.
        largest: Number of images in the largest group.
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
        limit = moved_limit([scores[key] for key in decided], list(decided.values()), benign, cuts, error, largest)
        found[name] = {**record, "threshold": limit, "benign_threshold": benign}
    return found
