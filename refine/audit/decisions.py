"""A person's verdicts: they override the audit's, and show where its limits for a review can move."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast, get_args

from refine.audit.result import Certificate, Decision, JudgeRecord
from refine.audit.verdicts import CUTS, MOST_WRONG_SHARE, event_count, shared_error
from refine.errors import InputError
from refine.files import read_lines, why
from refine.metrics.intervals import upper_end


def read_decisions(path: Path, keys: Sequence[str]) -> dict[str, Decision | None]:
    """Read a CSV file with the columns key and verdict (pass, fail or unsure); None for lines without a verdict.

    Raises:
        InputError: If the file cannot be read, a column is missing, or a line names no image or no verdict.
    """
    known, verdicts = set(keys), get_args(Decision)
    found: dict[str, Decision | None] = {}
    try:
        rows = csv.DictReader(read_lines(path))
        if not {"key", "verdict"} <= set(rows.fieldnames or ()):
            raise InputError(f"{path}: expected the columns key,verdict, found {','.join(rows.fieldnames or ())}")
        for row in rows:
            key, verdict, where = row["key"], (row["verdict"] or "").strip(), f"{path}: line {rows.line_num}"
            if not key and not verdict:
                continue
            if key not in known:
                raise InputError(f"{where}: {key!r} is not an image of this audit")
            if not verdict:
                found.setdefault(key, None)
                continue
            if verdict not in verdicts:
                raise InputError(f"{where}: verdict {verdict!r}; expected pass, fail or unsure")
            if (found.get(key) or verdict) != verdict:
                raise InputError(f"{where}: {key!r} is decided twice, and differently")
            found[key] = cast(Decision, verdict)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV ({why(error)}); expected key,verdict") from error
    return found


def decided_ones(read: Mapping[str, Decision | None]) -> dict[str, Decision]:
    """Return the decisions among the lines of a file: without those that are blank or unsure."""
    return {key: verdict for key, verdict in read.items() if verdict in {"pass", "fail"} and verdict is not None}


def override(certificates: Sequence[Certificate], decisions: Mapping[str, Decision]) -> list[Certificate]:
    """Return certificates in which a person's verdicts stand, with the audit's next to them."""
    found = []
    for certificate in certificates:
        verdict = decisions.get(certificate["key"], "unsure")
        if verdict != "unsure":
            certificate = Certificate(
                key=certificate["key"],
                verdict=verdict,
                by="person",
                audit_verdict=certificate["verdict"],
                reasons=[f"A person decided: {verdict}.", *certificate["reasons"]],
                scores=certificate["scores"],
            )
        found.append(certificate)
    return found


def cut_points(scores: Sequence[float], limit: float, most: float = math.inf) -> list[float]:
    """Return where a limit may move: to one of `CUTS` scores that are fixed before anybody decides, whatever the
    answers.

    Args:
        scores: Scores of all audited images.
        limit: The limit that perturbations set.
        most: The limit for a fail; images above it fail in any case.

    Returns:
        Scores that cut the images between both limits into parts of equal numbers, the highest one last.
    """
    between = sorted(score for score in scores if limit < score <= most)
    return [between[math.ceil(len(between) * cut / CUTS) - 1] for cut in range(1, CUTS + 1)] if between else []


def moved_limit(
    scores: Sequence[float],
    decisions: Sequence[Decision],
    limit: float,
    cuts: Sequence[float],
    error: float,
    largest: int = 1,
) -> float:
    """Return the limit for a review, after a person looked at images above it.

    Args:
        scores: Scores of the decided images.
        decisions: Decisions on them.
        limit: The limit that perturbations set.
        cuts: As from `cut_points`.
        error: Probability that one of the cuts is taken for right falsely; all of them together err with their sum.
            It is that of one look: who decides in parts, and looks at each, errs more often.
        largest: Number of images in the largest group, as `upper_end` takes it.

    Returns:
        The highest cut up to which the decided images above ``limit`` were right but for `MOST_WRONG_SHARE` of them
        (upper end of an interval that errs with ``error``); ``limit`` where there is none.
    """
    best = limit
    for cut in cuts:
        said = [decision for score, decision in zip(scores, decisions, strict=True) if limit < score <= cut]
        if upper_end(said.count("fail"), len(said), error, largest) <= MOST_WRONG_SHARE:
            best = max(best, cut)
    return best


def recalibrated(
    records: Mapping[str, JudgeRecord],
    certificates: Mapping[str, Certificate],
    decided: Mapping[str, Decision],
    largest: int = 1,
) -> dict[str, JudgeRecord]:
    """Return records whose limits for a review lie where a person's decisions say, see `moved_limit`.

    Args:
        records: Records of the evidence.
        certificates: Certificates with the scores of every image, by key.
        decided: All decisions, by key.
        largest: Number of images in the largest group.
    """
    error = shared_error(event_count(records, decided=True))
    found = dict(records)
    for name, record in records.items():
        if record["competent"]:
            scores = {key: one["scores"][name] for key, one in certificates.items()}
            # All decisions count, whenever they were made.
            unmoved = record.get("benign_threshold", record["threshold"])
            cuts = cut_points(list(scores.values()), unmoved, record.get("fail_threshold", math.inf))
            limit = moved_limit([scores[key] for key in decided], list(decided.values()), unmoved, cuts, error, largest)
            found[name] = {**record, "threshold": limit, "benign_threshold": unmoved}
    return found
