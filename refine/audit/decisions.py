"""A person's verdicts: they override the audit's, and show where its limits for a review can move."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

from refine.audit.result import Certificate
from refine.errors import InputError
from refine.metrics.intervals import clopper_pearson

Decision = Literal["pass", "fail"]
HARMLESS = 0.05
"""Undecided images pass up to a score below which no more of the decided ones were wrong, with 95 % confidence."""


def read_decisions(path: Path, keys: Sequence[str]) -> dict[str, Decision]:
    """A CSV file with the columns key and verdict (pass or fail); lines without a verdict are skipped.

    Raises:
        InputError: If the file cannot be read, a column is missing, or a line names no image or no verdict.
    """
    known = set(keys)
    found: dict[str, Decision] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if not {"key", "verdict"} <= set(rows.fieldnames or ()):
                raise InputError(f"{path}: expected the columns key,verdict, found {','.join(rows.fieldnames or ())}")
            for row in rows:
                key, verdict = row["key"], (row["verdict"] or "").strip()
                if not verdict:
                    continue
                if key not in known:
                    raise InputError(f"{path}: line {rows.line_num}: {key!r} is no image of this audit")
                if verdict not in {"pass", "fail"}:
                    raise InputError(f"{path}: line {rows.line_num}: verdict {verdict!r}; expected pass or fail")
                if found.get(key, verdict) != verdict:
                    raise InputError(f"{path}: line {rows.line_num}: {key!r} is decided twice, and differently")
                found[key] = cast(Decision, verdict)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error}); expected key,verdict") from error
    return found


def decide(certificates: Sequence[Certificate], decisions: Mapping[str, Decision]) -> list[Certificate]:
    """Certificates in which a person's verdicts stand, with the audit's beside them."""
    found = []
    for certificate in certificates:
        if certificate["key"] not in decisions:
            found.append(certificate)
            continue
        verdict = decisions[certificate["key"]]
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


def moved_limit(scores: Sequence[float], decisions: Sequence[Decision], limit: float) -> float:
    """The limit for a review, after a person looked at images above it.

    Args:
        scores: Of the decided images.
        decisions: On them.
        limit: As benign changes set it.

    Returns:
        The highest score up to which the decided images above ``limit`` were right but for `HARMLESS` of them (upper
        end of the exact 95 % interval); ``limit`` where there is none: it takes 72 decisions, all of them right.
    """
    looked_at = sorted((score, decision) for score, decision in zip(scores, decisions, strict=True) if score > limit)
    best = limit
    wrong = 0
    for count, (score, decision) in enumerate(looked_at, 1):
        wrong += decision == "fail"
        if clopper_pearson(wrong, count)[1] <= HARMLESS:
            best = score
    return best
