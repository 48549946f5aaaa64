"""An upper bound on the share of wrong labels, from verdicts and from the power for planted corruption."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence

from scipy.optimize import brentq
from scipy.stats import binom

from refine.audit.calibration import weakest
from refine.audit.ensembles import ADAPTED
from refine.audit.result import Bound, Certificate, JudgeRecord
from refine.metrics.intervals import relative_entropy

CONFIDENCE = 0.95
CUTS = 3
"""Scores up to which the limit of a judge can move by a person's decisions, see `refine.audit.review`."""
HARMLESS = 0.05
"""Undecided images pass up to a score below which no more of the decided ones were wrong, with 95 % confidence."""
NO_BOUND = {
    "none": "No judge is competent on the refined images, so nothing can be said of the share of wrong labels.",
    "learned": (
        "The only competent judges learned from the refined images. What the translator does to all images alike is "
        "right to them, so no bound is given: train judges on some labeled real images (--real-labeled DIR), or decide "
        "on a random part of the images yourself."
    ),
}


def bound_of(certificates: Sequence[Certificate], records: Mapping[str, JudgeRecord], largest: int = 1) -> Bound:
    """Return how many labels may be wrong; None where no competent judge could tell.

    Args:
        certificates: One for each image.
        records: Evidence, as in `audit.json`.
        largest: Number of images in the largest group.
    """
    able = {
        name.partition(": ")[0]: one for name, one in records.items() if one["competent"] and "fail_threshold" in one
    }
    # The best of the ensembles whose judges did not learn from the refined images.
    powers = {name: one.get("power", []) for name, one in able.items() if name != ADAPTED}
    if not powers:
        reason = NO_BOUND["learned" if able else "none"]
        return {"upper": None, "upper_of_passed": None, "confidence": CONFIDENCE, "reasons": [reason]}
    error = shared_error(events(records, list(powers), any(one["by"] == "person" for one in certificates)))
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
        sum(HARMLESS * len(those) for those in moved) if spared else 0.0,
        largest,
    )


def shared_error(events: Sequence[str]) -> float:
    """Return the probability of error that each of several events is given, so that all of them hold with `CONFIDENCE`.

    Args:
        events: One entry for each interval that a statement uses (Bonferroni: whatever their dependence).
    """
    return (1.0 - CONFIDENCE) / max(1, len(events))


def events(records: Mapping[str, JudgeRecord], ensembles: Sequence[str], decided: bool) -> list[str]:
    """Return the events that the bound hangs on.

    Args:
        records: Evidence, as in `audit.json`.
        ensembles: Names of the judge ensembles among which the one with the highest power is taken.
        decided: Whether a person's decisions may have moved the limits of these records.
    """
    moved = [
        f"limit of {name}, cut {cut}" for name, one in records.items() if one["competent"] for cut in range(1, CUTS + 1)
    ]
    return ["wrong labels that were found", *(f"power of {name}" for name in ensembles), *(moved if decided else [])]


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
    """Number of wrong labels that are rejected at least, except with probability ``error``.

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
