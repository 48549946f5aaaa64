"""Choice after a trial: a recommendation with its reasons, or that it cannot be decided."""

from collections.abc import Mapping

from refine.trial.plan import TRAINING_FREE
from refine.trial.result import Benchmarked, Measured, Tried

ALIKE = 0.8
"""Distances whose ratio is at least this are alike: other seeds and other images change them as much."""
LOST = 0.05
"""Labels that the judge loses beyond those that it does not find in the synthetic images."""
READABLE = 0.5
"""Label error on the synthetic images themselves above which the judge has learned too little, as a part of what
guessing makes."""
SURE = 0.05
"""Adjusted p-value below which a method is said to help: the best of several is best by chance, too."""


def recommend(
    kind: str,
    nothing: Measured,
    methods: Mapping[str, Tried],
    benchmark: Benchmarked | None = None,
    guessing: float = 1.0,
) -> tuple[str | None, list[str]]:
    """Return the method, or None where it cannot be decided, and the reasons.

    Labeled real images decide where they are given. Otherwise a method is recommended whose images are nearer to real
    than the synthetic ones and in which the judge still finds the labels, unless others are as good, or much nearer
    with labels that the judge does not find: it learned on synthetic images alone, so that either may be wrong.

    Args:
        kind: Of label, or ``none``.
        nothing: The synthetic images as they are.
        methods: What was tried.
        benchmark: Test on labeled real images.
        guessing: Label error of naming the most frequent class always.
    """
    if benchmark is not None:
        return _by_benchmark(benchmark)
    found = {name: tried["measured"] for name, tried in methods.items() if "measured" in tried}
    nearer = {name: one for name, one in found.items() if one["distance"] < ALIKE * nothing["distance"]}
    if not nearer:
        return None, [
            "No method came clearly nearer to the real images than doing nothing.",
            "More time may change that (--minutes); `refine inspect SYNTHETIC --real REAL` says what differs.",
        ]
    order = sorted(nearer, key=lambda name: nearer[name]["distance"])
    first = order[0]
    if kind == "none":
        return _nearest(nearer, order, ["The images have no labels that could become wrong."])
    kept = [name for name in order if _keeps(nothing, nearer[name])]
    if "label_error" not in nothing or nothing["label_error"]["value"] > READABLE * guessing:
        return None, [
            "The judge does not even find the labels in the synthetic images: it cannot say what becomes of them.",
            f"{first} comes nearest ({_far(nearer[first])}, doing nothing {_far(nothing)}). {_more()}",
        ]
    if not kept:
        safest = min(order, key=lambda name: nearer[name]["label_error"]["value"])
        return None, [
            f"{first} comes nearest ({_far(nearer[first])}, doing nothing {_far(nothing)}), but the judge finds only "
            f"{_found(nearer[first])} of the labels in its images; most it finds in those of {safest}: "
            f"{_found(nearer[safest])}, distance {_far(nearer[safest])}.",
            f"The judge learned on synthetic images alone: labels are wrong, or it is blind there. {_more()}",
        ]
    best = kept[0]
    if best != first and nearer[first]["distance"] < ALIKE * nearer[best]["distance"]:
        return None, [
            f"{first} comes much nearer ({_far(nearer[first])}) than {best} ({_far(nearer[best])}), but the judge "
            f"finds only {_found(nearer[first])} of the labels in its images, against {_found(nearer[best])}.",
            f"The judge learned on synthetic images alone: labels are wrong, or it is blind there. {_more()}",
        ]
    return _nearest(
        nearer,
        kept,
        [f"The judge finds {_found(nearer[best])} of the labels in its images (synthetic {_found(nothing)})."],
    )


def _nearest(nearer: Mapping[str, Measured], order: list[str], reasons: list[str]) -> tuple[str | None, list[str]]:
    """The nearest of those that may be taken; a method without training where it is as near."""
    first = order[0]
    alike = [name for name in order if ALIKE * nearer[name]["distance"] <= nearer[first]["distance"]]
    said = f"{first} comes nearest to the real images: {_far(nearer[first])}."
    if len(alike) == 1:
        return first, [said, *reasons]
    simple = [name for name in alike if name in TRAINING_FREE]
    if simple:
        return simple[0], [
            f"{', '.join(alike)} come about as near ({_far(nearer[first])}); {simple[0]} needs no training, and moves "
            "no edge.",
            *reasons,
        ]
    return None, [f"{', '.join(alike)} come about as near ({_far(nearer[first])}).", *reasons, _more()]


def _by_benchmark(benchmark: Benchmarked) -> tuple[str | None, list[str]]:
    sign = 1 if benchmark["higher_is_better"] else -1
    rows = benchmark["rows"]
    names = [name for name in rows if name not in {"synthetic", "target_supervised"}]
    order = sorted(names, key=lambda name: -sign * rows[name]["score"])
    nothing = rows["synthetic"]
    if not order:
        return None, ["No method could be tested."]
    best = order[0]
    reason = (
        f"A task model that is trained on its images does best on the labeled real ones: {benchmark['metric']} "
        f"{rows[best]['score']:.3g} (95 %: {_span(rows[best]['interval'])}), trained on synthetic ones "
        f"{nothing['score']:.3g}."
    )
    ends, p = rows[best].get("difference", [0.0, 0.0]), rows[best].get("p", 1.0)
    if sign * (rows[best]["score"] - nothing["score"]) <= 0 or p >= SURE:
        return None, [
            f"No method is shown to help: the best is {best}, {benchmark['metric']} {rows[best]['score']:.3g}, trained "
            f"on synthetic images {nothing['score']:.3g}; the difference is {_span(ends)} (95 %), p = {p:.2g} (Holm).",
            "More labeled real images, or more time (--minutes), may decide.",
        ]
    low, high = rows[best]["interval"]
    reach = low if sign > 0 else -high
    alike = [name for name in order[1:] if sign * rows[name]["score"] >= reach]
    rest = [f"{', '.join(alike)} may be as good: {'its' if len(alike) == 1 else 'their'} score lies in that interval."]
    return best, [reason, *rest * bool(alike)]


def _keeps(nothing: Measured, one: Measured) -> bool:
    before, after = nothing.get("label_error"), one.get("label_error")
    return before is not None and after is not None and after["value"] <= before["value"] + LOST


def _far(one: Measured) -> str:
    return f"{one['distance']:.0f}"


def _found(one: Measured) -> str:
    return f"{100 * (1 - one['label_error']['value']):.0f} %"


def _span(ends: list[float]) -> str:
    return f"{ends[0]:.3g} to {ends[1]:.3g}"


def _more() -> str:
    return "Labeled real images can decide it: --labeled-real DIR. Or look at the pictures, and audit."
