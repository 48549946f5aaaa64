"""Limits from measured behavior: what perturbations do to scores, and how often planted corruption is found."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from refine.audit.corruptions import MIXED, Originals, corruptions_of
from refine.audit.judges import Examples, Scores
from refine.audit.perturbations import PERTURBATIONS, randomize_content
from refine.audit.result import Power, Rate
from refine.labels import LabelKind
from refine.metrics.intervals import clopper_pearson, lower_end, upper_end

REVIEW_SHARE, FAIL_SHARE = 0.04, 0.01
"""Shares of perturbed images whose score may lie above the threshold for ``review`` and above that for ``fail``; fixed
beforehand, so that with a margin for chance no more than 5 % are rejected falsely."""
MOST_IMAGES = 600
"""Images that each perturbation and each corruption is measured on, drawn at random where there are more."""
RANDOMIZED = "all at once, strongly"
"""Name of the change that judges are trained under."""
LOOKALIKE = "hardest pair of classes"
"""Beginning of the names of powers of one class under one wrong label."""
MOST_PAIRED_IMAGES = 10_000
"""Images that every wrong label is tried on; one look at each suffices."""
REPLACING = ("another", "gaze replaced", "targets replaced")
"""Beginnings of the names of corruptions that put a whole image under a wrong label."""
ENOUGH_PLANTS = 40
"""Plants from which a power counts by itself: all found of a few less still leave the lower end under 90 %."""

Measure = Callable[[Examples], Scores]


class Thresholds(NamedTuple):
    """Scores above which an image does not pass."""

    review: dict[str, float]
    """By measure: above it a person should look."""
    fail: dict[str, float]
    """Above it the label is taken to be wrong."""


def rate(hits: int, tries: int, failed: int) -> Rate:
    """Return a share with its exact 95 % interval, and the part of it that fails.

    Args:
        hits: Number of images that do not pass.
        tries: Number of all.
        failed: Number of the hits that fail.
    """
    low, high = clopper_pearson(hits, tries)
    return {
        "rate": hits / tries if tries else 0.0,
        "low": low,
        "high": high,
        "n": tries,
        "failed": failed / tries if tries else 0.0,
        "failed_interval": list(clopper_pearson(failed, tries)),
    }


def rate_of(scores: Scores, limits: Thresholds) -> Rate:
    """Return how many images do not pass, and how many fail."""
    doubted, failed = above(scores, limits.review), above(scores, limits.fail)
    return rate(int(doubted.sum()), len(doubted), int(failed.sum()))


def above(scores: Scores, limits: dict[str, float]) -> Tensor:
    """``(N,)`` bool: whether any measure lies above its limit."""
    return torch.stack([scores[name] > limit for name, limit in limits.items()]).any(0)


def thresholds(scores: Sequence[Scores]) -> Thresholds:
    """Return the scores that so few perturbed images exceed, shared out over the measures.

    Args:
        scores: Scores under each perturbation.
    """
    names = list(scores[0])
    pooled = {name: torch.cat([change[name] for change in scores]).double() for name in names}

    def at(share: float) -> dict[str, float]:
        return {name: float(pooled[name].quantile(1 - share / len(names))) for name in names}

    return Thresholds(at(REVIEW_SHARE), at(FAIL_SHARE))


def perturbed_scores(kind: LabelKind, examples: Examples, measure: Measure, seed: int) -> dict[str, Scores]:
    """Return the scores of images, whose labels are right, after each perturbation.

    Args:
        kind: Kind of the labels.
        examples: The images.
        measure: Scores by the judges.
        seed: Seed of the changes.

    Returns:
        By the change's name; the last one is what judges are trained under, on images that they never saw.
    """
    generator, images = torch.Generator().manual_seed(seed), examples.floats()
    found = {name: measure(examples._replace(images=change(images, generator))) for name, change in PERTURBATIONS}
    found[RANDOMIZED] = measure(examples._replace(images=randomize_content(images, generator, kind)))
    return found


def planted_power(
    kind: LabelKind, names: Sequence[str], examples: Examples, measure: Measure, limits: Thresholds, seed: int
) -> list[Power]:
    """Return how often the judges reject each planted corruption, size by size.

    Args:
        kind: Kind of the labels.
        names: Names of the classes or targets.
        examples: What is corrupted, refined images for one; images stand in for each other within a fold alone, so
            that no judge saw what it is shown.
        measure: Scores by the judges.
        limits: Limits of the measures.
        seed: Seed of the plants.
    """
    examples = examples._replace(images=examples.floats())
    found: list[Power] = []
    for corruption in corruptions_of(kind, names):
        for size in corruption.sizes:
            hits = failed = tries = 0
            for fold in examples.folds.unique(sorted=True).tolist():  # type: ignore[no-untyped-call]  # torch's own gap
                mine = examples.take((examples.folds == fold).nonzero()[:, 0])
                generator = torch.Generator().manual_seed(seed + fold)
                planted = corruption.plant(Originals(kind, mine.images, mine.labels, names), size, generator)
                wrong = planted.wrong.nonzero()[:, 0]
                if not len(wrong):
                    continue
                scores = measure(mine._replace(images=planted.images).take(wrong))
                hits += int(above(scores, limits.review).sum())
                failed += int(above(scores, limits.fail).sum())
                tries += len(wrong)
            if tries:
                counted = rate(hits, tries, failed)
                found.append({"harm": corruption.name, "size": size, "unit": corruption.unit, **counted})
    return found


def pair_power(
    doubts: Tensor, labels: Tensor, clusters: Tensor, ends: tuple[float, float], names: Sequence[str]
) -> list[Power]:
    """Return how often a wrong label is rejected, for each class under the label that it is most easily taken for.

    The power for any mixture of wrong labels of these classes is not below that of the hardest pair; that of a pool of
    classes, however rare, may be above it. A class of few images has a wide interval instead.

    Args:
        doubts: ``(N, K)`` doubt about the N images under each of K labels.
        labels: ``(N,)`` true classes.
        clusters: ``(N,)`` numbers of the groups of images.
        ends: Limits for a review and for a fail.
        names: Names of the K classes.

    Returns:
        One entry for each class that has images. Its interval holds for a pair that was chosen as the worst: the upper
        end is shared over the pairs of the class (Bonferroni); of lower ends the smallest lies below the smallest
        power as surely as a single one.
    """
    if len(names) < 2:
        return []
    found: list[Power] = []
    for number in torch.unique(labels).tolist():
        mine = labels == number
        missed = (doubts[mine] <= ends[0]).sum(0)
        missed[number] = -1
        hardest = int(missed.argmax())
        values = doubts[mine, hardest]
        hits, failed = int((values > ends[0]).sum()), int((values > ends[1]).sum())
        one = rate(hits, len(values), failed)
        one["high"] = upper_end(hits, len(values), 0.025 / (len(names) - 1))
        harm = f"{LOOKALIKE}: {names[number]} labeled {names[hardest]}"
        power: Power = {"harm": harm, "size": None, "unit": "", **one}
        if (largest := largest_group(clusters[mine])) > 1:
            power["largest_group"] = largest
        found.append(power)
    return found


def largest_group(clusters: Tensor) -> int:
    """Return the number of images in the largest group."""
    return int(torch.unique(clusters, return_counts=True)[1].max()) if len(clusters) else 1


def replacements(found: Sequence[Power]) -> list[Power]:
    """Choose, of the corruptions that replace a whole label, the largest size of each that was planted `ENOUGH_PLANTS`
    times; where none was, the one that was planted most often."""
    chosen: dict[str, Power] = {}
    for power in found:  # smallest size first
        before = chosen.get(power["harm"])
        if power["harm"].startswith(REPLACING) and (before is None or power["n"] >= min(before["n"], ENOUGH_PLANTS)):
            chosen[power["harm"]] = power
    return list(chosen.values())


def weakest(found: Sequence[Power], error: float) -> tuple[Power, float]:
    """Find the wrong label that is found least often, and the lower end of its power: what the bound hangs on.

    Candidates are replaced labels, the largest size of each; of classes also each class under the label it is most
    easily taken for, and images half way to another class.

    Args:
        found: Measured powers.
        error: Probability that the lower end lies above the smallest true power. It is that of a single one: for the
            smallest of several lower ends to lie above the smallest power, the one of that very power must.
    """
    wrong = [*replacements(found), *(power for power in found if power["harm"].startswith((LOOKALIKE, MIXED)))]
    ends = [
        lower_end(round(power["rate"] * power["n"]), power["n"], error, power.get("largest_group", 1))
        for power in wrong
    ]
    return min(zip(wrong, ends, strict=True), key=lambda pair: pair[1])


def shown_powers(found: Sequence[Power]) -> list[Power]:
    """Return the powers for people: of the pairs of classes only the one that is found least often, and the one that
    the bound hangs on, which may be of a class with few images."""
    pairs = [power for power in found if power["harm"].startswith(LOOKALIKE)]
    worst = [min(pairs, key=lambda power: power["rate"]), min(pairs, key=lambda power: power["low"])] if pairs else []
    return [power for power in found if power not in pairs or power in worst]
