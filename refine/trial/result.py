"""Results of a trial, as they stand in `try.json`, and the recommendation that follows from them."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from refine.distances.label_error import LabelError
from refine.labels import KINDS

RESULT, PAGE, SHEET = "try.json", "try.html", "try.png"
"""Names of what `refine try` leaves in its output folder."""

TRAINING_FREE = ("color-transfer", "histogram-matching", "fda")

ALIKE = 0.8
"""Distances whose ratio is at least this are alike: other seeds and other images change them as much."""
MOST_LOST = 0.05
"""Share of labels that the judge may lose beyond those that it does not find in the synthetic images."""
READABLE = 0.5
"""Label error on the synthetic images themselves above which the judge has learned too little, as a part of what
guessing makes."""
SIGNIFICANT = 0.05
"""Adjusted p-value below which a method is said to help: the best of several is best by chance, too."""
BLIND = "The judge learned on synthetic images alone: labels are wrong, or it is blind there."
MORE = "Labeled real images can decide it: --labeled-real DIR. Or look at the pictures, and audit."
LOOK = "Look at the pictures, and audit."
"""The same where labeled real images were given."""


class Settings(TypedDict, total=False):
    """What makes one trial another; `settings.json` holds it from the beginning on."""

    synthetic: str
    real: str
    minutes: float
    layouts: list[str]
    mapping: str | None
    classes: list[str] | None
    device: str


class Measured(TypedDict):
    """Images of one method, or the synthetic ones as they are."""

    distance: float
    """Sliced Wasserstein distance to the real images."""
    label_error: NotRequired[LabelError]
    """Share of labels that the judge does not find."""
    seconds_a_megapixel: NotRequired[float]
    """Time that refining took; of the synthetic images as they are, and in older files, left out."""
    change: NotRequired[float]
    """Mean absolute difference to the synthetic images, as a part of the range; likewise."""


class Weighed(TypedDict):
    """SimGAN with one weight of its self-regularization."""

    self_weight: float
    measured: Measured


class Tried(TypedDict):
    """One method."""

    seconds: float
    """Time that training took."""
    steps: NotRequired[int]
    checkpoint: NotRequired[str]
    """Below the output folder."""
    measured: NotRequired[Measured]
    self_weight: NotRequired[float]
    """SimGAN's, where several were tried."""
    weights: NotRequired[list[Weighed]]
    """These."""
    why: NotRequired[str]
    """Reason why it could not be trained or measured."""


class Trained(TypedDict):
    """A task model that was trained on one kind of images, tested on labeled real ones."""

    score: float
    interval: list[float]
    """95 %."""
    difference: NotRequired[list[float]]
    """Ends of the 95 % interval of the difference to the synthetic images' row."""
    p: NotRequired[float]
    """p-value of that difference, adjusted for the number of rows."""


class Benchmarked(TypedDict):
    """Rows of `refine benchmark`, by method; ``synthetic`` is doing nothing."""

    metric: str
    higher_is_better: bool
    rows: dict[str, Trained]


class Recommendation(TypedDict):
    """Method that is recommended, with the reasons."""

    method: str | None
    """None: it cannot be decided."""
    reasons: list[str]
    command: str | None
    """Applies the method; None where there is none."""
    next: NotRequired[list[str]]
    """Further commands, complete: what may decide, and what trains a method for longer."""
    loses_labels: NotRequired[list[str]]
    """Those of `next` in whose images the judge finds too few labels; there is no method that keeps more."""


class Trial(TypedDict):
    """Content of `try.json`; while methods are being tried, as far as it is known."""

    settings: Settings
    seconds: float
    """Time that was spent so far, over all runs."""
    n: dict[str, int]
    """Images that were measured, ``synthetic`` and ``real``."""
    kind: str
    """Kind of label."""
    nothing: Measured
    """Synthetic images as they are."""
    floor: float
    """Distance between two halves of the real images."""
    guessing: NotRequired[float]
    """Label error of naming the most frequent class always, where labels are one class an image."""
    methods: dict[str, Tried]
    benchmark: NotRequired[Benchmarked]
    recommendation: NotRequired[Recommendation]


def recommend(
    kind: str,
    nothing: Measured,
    methods: Mapping[str, Tried],
    benchmark: Benchmarked | None = None,
    guessing: float = 1.0,
    floor: float = 0.0,
    more: str = MORE,
) -> tuple[str | None, list[str]]:
    """Return the method, or None where it cannot be decided, and the reasons.

    Labeled real images decide where they are given. Otherwise a method is recommended whose images are nearer to real
    than the synthetic ones and in which the judge still finds the labels, unless others are as good, or much nearer
    with labels that the judge does not find: it learned on synthetic images alone, so that either may be wrong.

    Args:
        kind: Kind of label, or ``none``.
        nothing: The synthetic images as they are.
        methods: All methods that were tried.
        benchmark: Test on labeled real images.
        guessing: Label error of naming the most frequent class always; 1 of other labels.
        floor: Distance between halves of the real images.
        more: Sentence on what can decide where the judge cannot.
    """
    if benchmark is not None:
        return _by_benchmark(benchmark)
    if nothing["distance"] <= floor:
        return None, [
            f"The synthetic images are as near to the real ones ({nothing['distance']:.0f}) as halves of the real ones "
            f"to each other ({floor:.0f}): there is no gap to close. Are they the right folders?"
        ]
    found = {name: tried["measured"] for name, tried in methods.items() if "measured" in tried}
    nearer = clearly_nearer(found, nothing)
    if not nearer:
        return None, [
            "No method came clearly nearer to the real images than doing nothing.",
            "More time may change that (--minutes); `refine inspect SYNTHETIC --real REAL` says what differs.",
        ]
    order = list(nearer)
    far = {name: f"{one['distance']:.0f}" for name, one in nearer.items()}
    first, first_far = order[0], f"{far[order[0]]}, doing nothing {nothing['distance']:.0f}"
    if kind not in KINDS:
        return _nearest(nearer, order, "The images have no labels that could become wrong.", more)
    if not judge_reads(nothing, guessing):
        return None, [
            "The judge does not even find the labels in the synthetic images: it cannot say what becomes of them.",
            f"{first} comes nearest ({first_far}). {more}",
        ]
    kept = [name for name in order if keeps_labels(nearer[name], nothing)]
    known = references(nothing, guessing)
    if not kept:
        best = safest(nearer)
        return None, [
            f"{first} comes nearest ({first_far}), but the judge finds only {_kept(nearer[first])} of the labels in "
            f"its images ({known}); most it finds in those of {best}: {_kept(nearer[best])}, distance {far[best]}.",
            f"{BLIND} {more}",
        ]
    best = kept[0]
    if best != first and nearer[first]["distance"] < ALIKE * nearer[best]["distance"]:
        return None, [
            f"{first} comes much nearer ({far[first]}) than {best} ({far[best]}), but the judge finds only "
            f"{_kept(nearer[first])} of the labels in its images, against {_kept(nearer[best])} ({known}).",
            f"{BLIND} {more}",
        ]
    reason = f"The judge finds {_kept(nearer[best])} of the labels in its images ({known})."
    return _nearest(nearer, kept, reason, more)


def clearly_nearer(found: Mapping[str, Measured], nothing: Measured) -> dict[str, Measured]:
    """Return the methods that are clearly nearer to the real images than doing nothing, the nearest first."""
    nearer = {name: one for name, one in found.items() if one["distance"] < ALIKE * nothing["distance"]}
    return dict(sorted(nearer.items(), key=lambda item: item[1]["distance"]))


def least_change(weighed: Sequence[Weighed]) -> Weighed:
    """Return the one that changes least of those that come about as near to the real images as the nearest.

    The less λ, the more SimGAN changes; from some point on that brings the images no nearer, and moves content.
    """
    nearest = min(one["measured"]["distance"] for one in weighed)
    near = [one for one in weighed if ALIKE * one["measured"]["distance"] <= nearest]
    return min(near, key=lambda one: one["measured"].get("change", 0.0))


def judge_reads(nothing: Measured, guessing: float) -> bool:
    """Whether there is a judge, and it finds the labels in the synthetic images as they are."""
    return "label_error" in nothing and nothing["label_error"]["value"] <= READABLE * guessing


def keeps_labels(one: Measured, nothing: Measured) -> bool:
    """Whether the judge finds about as many labels in the images of a method as in the synthetic ones."""
    return "label_error" in one and one["label_error"]["value"] <= nothing["label_error"]["value"] + MOST_LOST


def safest(found: Mapping[str, Measured]) -> str:
    """Return the method in whose images the judge finds most labels."""
    return min(found, key=lambda name: found[name]["label_error"]["value"])


def references(nothing: Measured, guessing: float) -> str:
    """Return what the judge's percentages are to be held against."""
    guessed = f", guessing {100 * (1 - guessing):.0f} %" if guessing < 1 else ""
    return f"untouched synthetic images {_kept(nothing)}{guessed}"


def _nearest(nearer: Mapping[str, Measured], order: list[str], reason: str, more: str) -> tuple[str | None, list[str]]:
    """The nearest of those that may be taken; a method without training where it is as near."""
    first, distance = order[0], nearer[order[0]]["distance"]
    alike = [name for name in order if ALIKE * nearer[name]["distance"] <= distance]
    if len(alike) == 1:
        return first, [f"{first} comes nearest to the real images: {distance:.0f}.", reason]
    near = f"{', '.join(alike)} come about as near ({distance:.0f})"
    for simple in (name for name in alike if name in TRAINING_FREE):
        return simple, [f"{near}; {simple} needs no training, and moves no edge.", reason]
    return None, [f"{near}.", reason, more]


def _by_benchmark(benchmark: Benchmarked) -> tuple[str | None, list[str]]:
    sign, metric, rows = 1 if benchmark["higher_is_better"] else -1, benchmark["metric"], benchmark["rows"]
    order = [name for name in rows if name not in {"synthetic", "target_supervised"}]
    order.sort(key=lambda name: -sign * rows[name]["score"])
    if not order:
        return None, ["No method could be tested."]
    name, best, nothing = order[0], rows[order[0]], rows["synthetic"]["score"]
    ends, p = best.get("difference", [0.0, 0.0]), best.get("p", 1.0)
    if sign * (best["score"] - nothing) <= 0 or p >= SIGNIFICANT:
        return None, [
            f"No method is shown to help: the best is {name}, {metric} {best['score']:.3g}, trained on synthetic "
            f"images {nothing:.3g}; the difference is {_span(ends)} (95 %), p = {p:.2g} (Holm).",
            "More labeled real images, or more time (--minutes), may decide.",
        ]
    low, high = best["interval"]
    reach = low if sign > 0 else -high
    alike = [other for other in order[1:] if sign * rows[other]["score"] >= reach]
    reasons = [
        f"A task model that is trained on its images does best on the labeled real ones: {metric} "
        f"{best['score']:.3g} (95 %: {_span(best['interval'])}), trained on synthetic ones {nothing:.3g}."
    ]
    if alike:
        whose = "its" if len(alike) == 1 else "their"
        reasons.append(f"{', '.join(alike)} may be as good: {whose} score lies in that interval.")
    return name, reasons


def _kept(one: Measured) -> str:
    return f"{100 * (1 - one['label_error']['value']):.0f} %"


def _span(ends: list[float]) -> str:
    return f"{ends[0]:.3g} to {ends[1]:.3g}"
