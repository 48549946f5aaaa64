"""How many labels may be wrong, from verdicts and from how often planted harm was found."""

from refine.audit.result import Bound
from refine.metrics.intervals import clopper_pearson

CONFIDENCE = 0.95


def wrong_labels(images: int, rejected: int, decided_right: int, power: float, what: str) -> Bound:
    """An upper bound on the share of wrong labels.

    A wrong label is rejected with the power p or more; so the share of wrong labels is at most the share of rejected
    images over p. Of the first the upper end is taken (Clopper-Pearson), of the second the lower one.

    Args:
        images: All.
        rejected: Images that did not pass, right or wrong; those that a person found right are none of them.
        decided_right: Images that a person found right: they are among the passed, and surely not wrong.
        power: Lower end of the interval of the detection power, 0 to 1.
        what: The harm that it was measured on.

    Returns:
        None for both ends where there is no image or no power.
    """
    if not images or power <= 0:
        return {"upper": None, "upper_of_passed": None, "confidence": CONFIDENCE, "reasons": ["Nothing was measured."]}
    _, high = clopper_pearson(rejected, images, CONFIDENCE)
    upper = min(1.0, high / power)
    passed = images - rejected
    missed = upper * (1 - power) * images
    unknown = passed - decided_right
    left = None if not passed else min(1.0, missed / passed, unknown / passed)
    return {
        "upper": upper,
        "upper_of_passed": left,
        "confidence": CONFIDENCE,
        "reasons": [
            f"{rejected} of {images} images did not pass: with 95 % confidence a share of {high:.3f} at most "
            "(Clopper-Pearson).",
            f"Wrong labels of the hardest kind that was planted ({what}) are rejected in {power:.1%} of cases or more "
            f"(lower end of its 95 % interval), so at most {high:.3f} / {power:.3f} = {upper:.3f} of all labels are "
            "wrong.",
            f"Of these at most 1 - {power:.3f} passed."
            + ("" if left is None else f" That is {left:.4f} of the {passed} images that did."),
        ],
    }
