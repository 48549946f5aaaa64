"""How many labels may be wrong, from verdicts and from how often planted harm was found."""

import math

from scipy.stats import binom

from refine.audit.decisions import HARMLESS
from refine.audit.result import Bound
from refine.metrics.intervals import clopper_pearson

CONFIDENCE = 0.95


def wrong_labels(images: int, rejected: int, decided_right: int, power: float, what: str, spared: int = 0) -> Bound:
    """An upper bound on the share of wrong labels.

    A wrong label is rejected with the power p or more; so the share of wrong labels is at most the share of rejected
    images over p. Of the first the upper end is taken (Clopper-Pearson), of the second the lower one. How many of the
    wrong ones passed is a matter of chance, too: of these the upper end is taken, not the mean.

    Args:
        images: All.
        rejected: Images that did not pass, right or wrong; those that a person found right are none of them.
        decided_right: Images that a person found right: they are among the passed, and surely not wrong.
        power: Lower end of the interval of the detection power, 0 to 1.
        what: The harm that it was measured on.
        spared: Images that pass because a person's decisions moved the limits: the power was measured before that, so
            they count as rejected, and of those that passed as wrong to a share of `HARMLESS`.

    Returns:
        None for both ends where there is no image or no power.
    """
    if not images or power <= 0:
        return {"upper": None, "upper_of_passed": None, "confidence": CONFIDENCE, "reasons": ["Nothing was measured."]}
    doubted = rejected + spared
    _, high = clopper_pearson(doubted, images, CONFIDENCE)
    upper = min(1.0, high / power)
    passed = images - rejected
    missed = float(binom.ppf((1 + CONFIDENCE) / 2, math.ceil(upper * images), 1 - power))
    unknown = passed - decided_right
    left = None if not passed else min(1.0, (missed + HARMLESS * spared) / passed, unknown / passed)
    moved = f", {spared} of them only before a person's decisions moved the limits" if spared else ""
    more = f", and {HARMLESS:.0%} of those {spared}" if spared else ""
    return {
        "upper": upper,
        "upper_of_passed": left,
        "confidence": CONFIDENCE,
        "reasons": [
            f"{doubted} of {images} images did not pass{moved}: with 95 % confidence a share of {high:.3f} at most "
            "(Clopper-Pearson).",
            f"Wrong labels of the hardest kind that was planted ({what}) are rejected in {power:.1%} of cases or more "
            f"(lower end of its 95 % interval), so at most {high:.3f} / {power:.3f} = {upper:.3f} of all labels are "
            "wrong.",
            f"Each of these passed with a probability of 1 - {power:.3f} at most: {missed:.0f} of them (upper end of "
            f"the binomial distribution){more}."
            + ("" if left is None else f" That is {left:.4f} of the {passed} that passed."),
        ],
    }
