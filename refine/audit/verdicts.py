"""From the scores of images to verdicts with reasons; from verdicts, and the power for planted corruption, to an upper
bound on the share of wrong labels."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from scipy.optimize import brentq
from scipy.stats import binom

from refine.audit.calibration import weakest
from refine.audit.ensembles import ADAPTED
from refine.audit.evidence import Evidence
from refine.audit.result import (
    VERDICTS,
    Bound,
    Certificate,
    JudgeRecord,
    Power,
    Verdict,
    ensemble_of,
)
from refine.metrics.intervals import relative_entropy

DIGITS = 6
"""Scores are written, and compared, with so many decimals."""
BEFORE = " before: "
"""Between an ensemble's name and its measure, of the same judges' score of the synthetic image."""
LEAST_LIMIT = 1e-6
"""Limits are taken to be no nearer to 0 where scores are divided by them."""
CONFIDENCE = 0.95
CUTS = 3
"""Scores up to which the limit of a judge can move by a person's decisions, see `refine.audit.decisions`."""
MOST_WRONG_SHARE = 0.05
"""Undecided images pass up to a score below which no more of the decided ones were wrong, with 95 % confidence."""
NO_BOUND = {
    "none": "No judge is competent on the refined images, so nothing can be said of the share of wrong labels.",
    "learned": (
        "The only competent judges learned from the refined images. What the translator does to all images alike is "
        "right to them, so no bound is given: train judges on some labeled real images (--real-labeled DIR), or decide "
        "on a random part of the images yourself."
    ),
}


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
    if not any(map(_can_fail, competent.values())):
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


def bound_of(certificates: Sequence[Certificate], records: Mapping[str, JudgeRecord], largest: int = 1) -> Bound:
    """Return how many labels may be wrong; None where no competent judge could tell.

    Args:
        certificates: One for each image.
        records: Evidence, as in `audit.json`.
        largest: Number of images in the largest group.
    """
    powers = bounding_powers(records)
    if not powers:
        reason = NO_BOUND["learned" if any(map(_can_fail, records.values())) else "none"]
        return {"upper": None, "upper_of_passed": None, "confidence": CONFIDENCE, "reasons": [reason]}
    error = shared_error(event_count(records, any(one["by"] == "person" for one in certificates)))
    power, low = max((weakest(found, error) for found in powers.values()), key=lambda found: found[1])
    passed = [one for one in certificates if one["verdict"] == "pass"]
    size = "" if power["size"] is None else f", {power['size']:g} {power['unit']}"
    moved = [
        [one for one in certificates if record["benign_threshold"] < one["scores"][name] <= record["threshold"]]
        for name, record in records.items()
        if record["competent"] and "benign_threshold" in record
    ]
    spared = {one["key"] for those in moved for one in those if one["verdict"] == "pass" and one["by"] == "audit"}
    return wrong_labels(
        len(certificates),
        len(certificates) - len(passed),
        sum(one["by"] == "person" for one in passed),
        low,
        f"{power['harm']}{size}, {power['n']} times",
        error,
        len(spared),
        # At most this share of all images between the two limits is wrong, and all of these may be among the passed.
        sum(MOST_WRONG_SHARE * len(those) for those in moved) if spared else 0.0,
        largest,
    )


def _can_fail(record: JudgeRecord) -> bool:
    return record["competent"] and "fail_threshold" in record


def bounding_powers(records: Mapping[str, JudgeRecord]) -> dict[str, list[Power]]:
    """Return the powers of each ensemble that the bound may take, the best one: of competent judges that did not learn
    from the refined images."""
    able = {ensemble_of(name): one.get("power", []) for name, one in records.items() if _can_fail(one)}
    return {name: powers for name, powers in able.items() if name != ADAPTED}


def event_count(records: Mapping[str, JudgeRecord], decided: bool) -> int:
    """Return the number of events that the bound hangs on: the wrong labels that were found, the power of each ensemble
    that it may take, and each cut of each limit that a person's decisions may have moved.

    Args:
        records: Evidence, as in `audit.json`.
        decided: Whether a person decided.
    """
    limits = sum(one["competent"] for one in records.values()) if decided else 0
    return 1 + len(bounding_powers(records)) + CUTS * limits


def shared_error(events: int) -> float:
    """Return the probability of error that each of several events is given, so that all of them hold with `CONFIDENCE`
    (Bonferroni: whatever their dependence)."""
    return (1.0 - CONFIDENCE) / events


def wrong_labels(
    images: int,
    rejected: int,
    decided_right: int,
    power: float,
    what: str,
    error: float,
    spared: int = 0,
    spared_wrong: float = 0.0,
    largest: int = 1,
) -> Bound:
    """An upper bound on the share of wrong labels among these images, if they are found as often as planted ones.

    Of W wrong labels each is rejected with probability ``power`` or more, so that the number of rejected ones is not
    below the quantile of the binomial distribution. W is at most the largest number for which that quantile does not
    exceed the number of rejected images; of these, W less the quantile passed. Both follow from one event.

    Args:
        images: Number of images.
        rejected: Number of images that did not pass, right or wrong, without those that a person found right.
        decided_right: Number of images that a person found right: they are among the passed, and surely not wrong.
        power: Lower end of the detection power, 0 to 1.
        what: Name of the corruption that it was measured on.
        error: Probability with which fewer wrong labels are found than the quantile says.
        spared: Number of images that pass because a person's decisions moved the limits: power was measured before
            that, so they count as rejected.
        spared_wrong: Upper end of the number of wrong labels among the latter.
        largest: Number of images in the largest group; images of a group may be found or missed all together.

    Returns:
        None for both ends where there is no image or no power.
    """
    if not images or power <= 0:
        return {"upper": None, "upper_of_passed": None, "confidence": CONFIDENCE, "reasons": ["Nothing was measured."]}
    doubted = rejected + spared
    most = bisect_right(range(images + 1), doubted, key=lambda wrong: fewest_found(wrong, power, error, largest)) - 1
    missed = most - fewest_found(most, power, error, largest)
    passed = images - rejected
    left = None if not passed else min(1.0, (missed + spared_wrong) / passed, (passed - decided_right) / passed)
    moved = f", {spared} of them only before a person's decisions moved the limits" if spared else ""
    more = f", and {spared_wrong:.0f} of those that the moved limits let pass" if spared else ""
    together = f" The {largest} images of the largest group count as one." if largest > 1 else ""
    return {
        "upper": most / images,
        "upper_of_passed": left,
        "confidence": CONFIDENCE,
        "reasons": [
            f"{doubted} of {images} images did not pass{moved}.",
            f"Wrong labels of the hardest kind that was planted ({what}) are rejected in {power:.1%} of cases or more "
            f"(lower end of its interval).{together}",
            f"If natural wrong labels are found as often, {most} of the {images} are wrong at most: of more, chance "
            f"would have found more than {doubted}. Of these {missed} passed at most{more}."
            + ("" if left is None else f" That is {left:.4f} of the {passed} that passed."),
            "Natural wrong labels may be harder to see than planted ones; then more are wrong than this bound says. "
            "`refine audit --sample` asks a person instead.",
        ],
    }


def fewest_found(wrong: int, power: float, error: float, largest: int = 1) -> int:
    """Return the number of wrong labels that are rejected at least, except with probability ``error``.

    Args:
        wrong: Number of wrong labels.
        power: Probability of each to be rejected.
        error: Probability of fewer, at most.
        largest: As in `wrong_labels`; above 1 by the Chernoff bound of `refine.metrics.intervals.upper_end`.
    """
    if not wrong or power >= 1.0:
        return wrong
    if largest <= 1:
        return int(binom.ppf(error, wrong, power))
    allowed = -math.log(error) * largest / wrong
    if relative_entropy(0.0, power) <= allowed:
        return 0
    least = float(brentq(lambda share: relative_entropy(share, power) - allowed, 0.0, power))
    return math.ceil(wrong * least - 1e-9)
