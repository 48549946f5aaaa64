"""Predictions on unlabeled real images: signs, without a label, of which training images are good.

A translator that exchanges what two classes look like comes as near to the real images as one that does not. But
translators that keep the classes lead to task models with the same predictions on unlabeled real images, and those that
exchange them exchange others each time. And a task model whose predictions stay the same when the images are changed
strongly has found what makes their classes.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations, product
from statistics import mean
from typing import TypedDict

from torch import Tensor

from refine.benchmark.plan import AGREED, SELF_TRAINING, TEST, Fit, Plan, Source
from refine.labels import KINDS, LabelKind

ENOUGH = 0.6
"""Agreement from which on translators agree: of kappa "substantial" (Landis and Koch 1977, Biometrics 33)."""


class Agreement(TypedDict):
    """Answers of one row's translators on the unlabeled images, after self-training, held against each other."""

    kappa: list[list[float]]
    """Agreement beyond chance of every two translators (`LabelKind.beyond_chance`), mean over pairs of seeds."""
    agreed: list[int]
    """Numbers of those that agree with one another; empty where no two do."""


class ChosenRow(TypedDict):
    """The row that is most consistent on the unlabeled images: a choice without a real label."""

    row: str
    consistency: float
    """See `consistencies`."""


def agreements(plan: Plan, found: Mapping[Fit, Tensor]) -> dict[str, Agreement]:
    """Compare the translators of each refined dataset that has several and a row with self-training.

    Args:
        plan: What was fitted.
        found: Predictions of each fit: of the test images, then of the unlabeled ones.

    Returns:
        By the name of the refined dataset; empty without unlabeled images.
    """
    compared: dict[str, Agreement] = {}
    tested = len(plan.sets[TEST].keys)
    for row, source in plan.rows.items():
        count = plan.translators(row)
        if plan.predicts_unlabeled(row) and source.self_training and not source.joins and count > 1:
            answers = [
                [found[Fit(row, seed, None, number)][tested:].chunk(2)[0] for seed in range(plan.seeds)]
                for number in range(count)
            ]
            kind = KINDS[plan.protocol.kind]
            kappa = [[_mean_agreement(kind, one, other) for other in answers] for one in answers]
            compared[source.sets[0]] = {"kappa": kappa, "agreed": agreeing(kappa)}
    return compared


def consistencies(plan: Plan, found: Mapping[Fit, Tensor]) -> dict[str, float]:
    """Compare the predictions of each row's task models on the unlabeled images and on strongly changed views of them.

    Args:
        plan: What was fitted.
        found: Predictions of each fit: of the test images, then of the unlabeled ones and of their changed views.

    Returns:
        By row the agreement beyond chance, mean over its fits; rows that learned from labeled real images have none.
    """
    tested = len(plan.sets[TEST].keys)
    kappas: dict[str, list[float]] = {row: [] for row in plan.rows if plan.predicts_unlabeled(row)}
    for fit in plan.fits():
        if fit.row in kappas:
            kind = KINDS[plan.protocol.kind]
            kappas[fit.row].append(kind.beyond_chance(*found[fit][tested:].chunk(2)))
    return {row: mean(each) for row, each in kappas.items()}


def most_consistent(plan: Plan, kappas: Mapping[str, float], compared: Mapping[str, Agreement]) -> ChosenRow | None:
    """Choose the row with the highest `consistencies`, the first of equal ones; None where no row has one.

    Of translators that were compared only the rows that join those that agree can be chosen: one that exchanges classes
    may be as consistent as any. Of a row of one folder nobody can tell.
    Where images do not have one class each, nothing is chosen: of drums (targets) and nuclei (masks) the most
    consistent row was no better, or much worse, than the synthetic one.
    """
    if not KINDS[plan.protocol.kind].one_class:
        return None
    trusted = {
        row: kappa
        for row, kappa in kappas.items()
        if (plan.rows[row].joins and AGREED in row) or not _compared(plan, row, compared)
    }
    row = max(trusted, key=lambda name: round(trusted[name], 6), default=None)
    return None if row is None else {"row": row, "consistency": trusted[row]}


def _compared(plan: Plan, row: str, compared: Mapping[str, Agreement]) -> bool:
    return not compared.keys().isdisjoint(plan.rows[row].sets)


def _mean_agreement(kind: LabelKind, one: list[Tensor], other: list[Tensor]) -> float:
    return mean(kind.beyond_chance(first, second) for first, second in product(one, other))


def agreeing(kappa: list[list[float]]) -> list[int]:
    """Return the numbers of the largest group in which every two agree, in order.

    Of groups of one size it is the one that agrees best; none where no two agree.
    """
    for size in range(len(kappa), 1, -1):
        groups = []
        for members in combinations(range(len(kappa)), size):
            among = [kappa[one][other] for one, other in combinations(members, 2)]
            if min(among) >= ENOUGH:
                groups.append((mean(among), list(members)))
        if groups:
            return max(groups)[1]
    return []


def with_agreed(plan: Plan, compared: Mapping[str, Agreement]) -> tuple[Plan, Plan]:
    """Add two rows for each dataset whose translators agree: joined, and with self-training.

    Args:
        plan: Without them.
        compared: What `agreements` found.

    Returns:
        The plan with them, and one of them alone.
    """
    more: dict[str, Source] = {}
    for name, found in compared.items():
        sets = tuple(f"{name}/{number}" if number else name for number in found["agreed"])
        if sets:
            more[f"{name}{AGREED}"] = Source(sets, joins=True)
            more[f"{name}{AGREED}{SELF_TRAINING}"] = Source(sets, self_training=True, joins=True)
    *others, last = plan.rows  # labeled real images alone stay the last row
    rows = {**{name: plan.rows[name] for name in others}, **more, last: plan.rows[last]}
    return replace(plan, rows=rows), replace(plan, rows=more)
