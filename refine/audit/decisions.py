"""A person's verdicts: they override the audit's, and show where its limits for a review can move."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast, get_args

from refine.audit.bound import CUTS
from refine.audit.result import Certificate
from refine.errors import InputError
from refine.files import read_lines, why
from refine.metrics.intervals import upper_end

Decision = Literal["pass", "fail", "unsure"]
"""``unsure`` leaves the audit's verdict as it is; it counts in a random sample alone."""
DECISIONS = frozenset(get_args(Decision))
HARMLESS = 0.05
"""Undecided images pass up to a score below which no more of the decided ones were wrong, with 95 % confidence."""


def read_decisions(path: Path, keys: Sequence[str]) -> dict[str, Decision | None]:
    """A CSV file with the columns key and verdict (pass, fail or unsure); None for lines without a verdict.

    Raises:
        InputError: If the file cannot be read, a column is missing, or a line names no image or no verdict.
    """
    known = set(keys)
    found: dict[str, Decision | None] = {}
    try:
        rows = csv.DictReader(read_lines(path))
        if not {"key", "verdict"} <= set(rows.fieldnames or ()):
            raise InputError(f"{path}: expected the columns key,verdict, found {','.join(rows.fieldnames or ())}")
        for row in rows:
            key, verdict = row["key"], (row["verdict"] or "").strip()
            if not key and not verdict:
                continue
            if key not in known:
                raise InputError(f"{path}: line {rows.line_num}: {key!r} is no image of this audit")
            if not verdict:
                found.setdefault(key, None)
                continue
            if verdict not in DECISIONS:
                raise InputError(f"{path}: line {rows.line_num}: verdict {verdict!r}; expected pass, fail or unsure")
            if (found.get(key) or verdict) != verdict:
                raise InputError(f"{path}: line {rows.line_num}: {key!r} is decided twice, and differently")
            found[key] = cast(Decision, verdict)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV ({why(error)}); expected key,verdict") from error
    return found


def made(read: Mapping[str, Decision | None]) -> dict[str, Decision]:
    """The decisions among the lines of a file: without those that are blank or unsure."""
    return {key: verdict for key, verdict in read.items() if verdict in {"pass", "fail"} and verdict is not None}


def decide(certificates: Sequence[Certificate], decisions: Mapping[str, Decision]) -> list[Certificate]:
    """Certificates in which a person's verdicts stand, with the audit's beside them."""
    found = []
    for certificate in certificates:
        verdict = decisions.get(certificate["key"], "unsure")
        if verdict == "unsure":
            found.append(certificate)
            continue
        reasons = [f"A person decided: {verdict}.", *certificate["reasons"]]
        found.append(
            Certificate(
                key=certificate["key"],
                verdict=verdict,
                by="person",
                audit_verdict=certificate["verdict"],
                reasons=reasons,
                scores=certificate["scores"],
            )
        )
    return found


def cut_points(scores: Sequence[float], limit: float, most: float = math.inf) -> list[float]:
    """Where a limit may move: to one of `CUTS` scores that are fixed before anybody decides, whatever the answers.

    Args:
        scores: Scores of all audited images.
        limit: The limit that benign changes set.
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
    """The limit for a review, after a person looked at images above it.

    Args:
        scores: Scores of the decided images.
        decisions: Decisions on them.
        limit: The limit that benign changes set.
        cuts: As from `cut_points`.
        error: Probability that one of the cuts is taken for harmless falsely; all of them together err with their sum.
            It is that of one look: who decides in parts, and looks at each, errs more often.
        largest: Number of images in the largest group, as `upper_end` takes it.

    Returns:
        The highest cut up to which the decided images above ``limit`` were right but for `HARMLESS` of them (upper end
        of an interval that errs with ``error``); ``limit`` where there is none.
    """
    best = limit
    for cut in cuts:
        said = [decision for score, decision in zip(scores, decisions, strict=True) if limit < score <= cut]
        if upper_end(said.count("fail"), len(said), error, largest) <= HARMLESS:
            best = max(best, cut)
    return best
