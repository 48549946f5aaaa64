"""Thresholds from measured behavior: what benign changes do to scores, and how often planted harm is found."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from refine.audit.benign import BENIGN
from refine.audit.harm import Case, Harm, Planted, harms
from refine.audit.randomization import randomize_content
from refine.audit.result import Power, Rate
from refine.labels import LabelKind
from refine.metrics.intervals import clopper_pearson, upper_end

REVIEW, FAIL = 0.04, 0.01
"""Shares of benignly changed images whose score may lie above the threshold for ``review`` and above that for
``fail``; fixed beforehand, so that with a margin for chance no more than 5 % are rejected falsely."""
MOST = 600
"""Images that each benign change and each harm is measured on, drawn at random where there are more."""
RANDOMIZED = "all at once, strongly"
"""Name of the change that judges are trained under."""
LOOKALIKE = "hardest pair of classes"
"""How the names of powers begin that are of one class under one wrong label."""
MOST_PAIRS = 10_000
"""Images that every wrong label is tried on; one look at each suffices."""

Scores = dict[str, Tensor]
"""Measure to ``(N,)``; higher is more suspicious."""
Measure = Callable[[Tensor, Tensor, Tensor], Scores]
"""Scores of images ``(n, C, H, W)`` in [-1, 1], the ``(n,)`` folds of what they show, under labels ``(n, ...)``."""


class Thresholds(NamedTuple):
    """From which scores on an image does not pass."""

    review: dict[str, float]
    """By measure: above it a person should look."""
    fail: dict[str, float]
    """Above it the label is taken to be wrong."""


def rate(hits: int, tries: int, failed: int) -> Rate:
    """A share with its exact 95 % interval, and the part of it that fails.

    Args:
        hits: Images that do not pass.
        tries: All.
        failed: Those of the hits that fail.
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
    """How many images do not pass, and how many fail."""
    doubted, failed = above(scores, limits.review), above(scores, limits.fail)
    return rate(int(doubted.sum()), len(doubted), int(failed.sum()))


def benign_scores(
    kind: LabelKind, images: Tensor, folds: Tensor, labels: Tensor, measure: Measure, seed: int
) -> dict[str, Scores]:
    """Scores of synthetic images, whose labels are known, after each benign change.

    Args:
        kind: Of the labels.
        images: ``(n, C, H, W)`` in [-1, 1].
        folds: ``(n,)``.
        labels: ``(n, ...)``.
        measure: Of the judges.
        seed: Of the changes.

    Returns:
        By the change's name; the last one is what judges are trained under, on images that they never saw.
    """
    generator = torch.Generator().manual_seed(seed)
    found = {change.name: measure(change.change(images, generator), folds, labels) for change in BENIGN}
    found[RANDOMIZED] = measure(randomize_content(images, generator, kind), folds, labels)
    return found


def thresholds(scores: Sequence[Scores]) -> Thresholds:
    """The scores that so few benign images exceed, shared out over the measures.

    Args:
        scores: Of the benign changes.
    """
    names = list(scores[0])
    pooled = {name: torch.cat([change[name] for change in scores]).double() for name in names}

    def at(share: float) -> dict[str, float]:
        return {name: float(pooled[name].quantile(1 - share / len(names))) for name in names}

    return Thresholds(at(REVIEW), at(FAIL))


def above(scores: Scores, limits: dict[str, float]) -> Tensor:
    """``(N,)`` bool: whether any measure lies above its limit."""
    return torch.stack([scores[name] > limit for name, limit in limits.items()]).any(0)


def false_rejects(scores: dict[str, Scores], limits: Thresholds) -> dict[str, Rate]:
    """By benign change: how many images would be rejected though their labels are right."""
    return {name: rate_of(of_change, limits) for name, of_change in scores.items()}


def planted_power(
    kind: LabelKind,
    names: Sequence[str],
    images: Tensor,
    folds: Tensor,
    labels: Tensor,
    measure: Measure,
    limits: Thresholds,
    seed: int,
) -> list[Power]:
    """How often the judges reject each planted harm, size by size.

    Args:
        kind: Of the labels.
        names: Of the classes or targets.
        images: ``(n, C, H, W)`` in [-1, 1]: what harm is planted into, refined images for one.
        folds: ``(n,)``; images stand in for each other within a fold alone, so that no judge saw what it is shown.
        labels: ``(n, ...)``.
        measure: Of the judges.
        limits: Of the measures.
        seed: Of the plants.
    """
    found: list[Power] = []
    for harm in harms(kind, names):
        for size in harm.sizes:
            hits = failed = tries = 0
            for fold in folds.unique(sorted=True).tolist():  # type: ignore[no-untyped-call]  # torch's own gap
                mine = (folds == fold).nonzero()[:, 0]
                planted = _plant(harm, Case(kind, images[mine], labels[mine], names), size, seed + fold)
                hurt = planted.harmed.nonzero()[:, 0]
                if not len(hurt):
                    continue
                scores = measure(planted.images[hurt], folds[mine][hurt], labels[mine][hurt])
                hits += int(above(scores, limits.review).sum())
                failed += int(above(scores, limits.fail).sum())
                tries += len(hurt)
            if tries:
                found.append({"harm": harm.name, "size": size, "unit": harm.unit, **rate(hits, tries, failed)})
    return found


def _plant(harm: Harm, case: Case, size: float | None, seed: int) -> Planted:
    return harm.plant(case, size, torch.Generator().manual_seed(seed))


def pair_power(
    doubts: Tensor, labels: Tensor, clusters: Tensor, ends: tuple[float, float], names: Sequence[str]
) -> list[Power]:
    """How often a wrong label is rejected, for each class under the label that it is most easily taken for.

    The power for any mixture of wrong labels of these classes is not below that of the hardest pair; that of a pool of
    classes, however rare, may be above it. A class of few images has a wide interval instead.

    Args:
        doubts: ``(N, K)`` suspicion of the N images under each of K labels.
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
    """Number of images in the largest group."""
    return int(torch.unique(clusters, return_counts=True)[1].max()) if len(clusters) else 1
