"""Agreement of translators that differ in nothing but their seed: a sign, without a label, that one exchanged classes.

A translator that exchanges what two classes look like comes as near to the real images as one that does not. But
translators that keep the classes lead to task models that say the same of unlabeled real images, and those that
exchange them exchange others each time.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations, product
from statistics import mean
from typing import TypedDict

from torch import Tensor

from refine.benchmark.plan import AGREED, SELF_TRAINING, TEST, Fit, Plan, Source

ENOUGH = 0.75
"""Share of equal answers from which on two translators are said to agree. Of 11 translators of the traffic lights,
those that kept the classes agreed on 78 to 100 % of the real images, the two others with anyone on 66 % at most."""


class Agreement(TypedDict):
    """What the translators of one row say of the unlabeled images, after self-training."""

    shares: list[list[float]]
    """Share of the images of which two translators say the same, mean over pairs of seeds."""
    agreed: list[int]
    """Numbers of those that agree with one another; empty where no two do."""


def agreements(plan: Plan, found: Mapping[Fit, Tensor]) -> dict[str, Agreement]:
    """Compare the translators of each refined dataset that has several and a row with self-training.

    Args:
        plan: What was fitted.
        found: Predictions of each fit: of the test images, then of the unlabeled ones.

    Returns:
        By the name of the refined dataset; empty where images do not have one class each.
    """
    compared: dict[str, Agreement] = {}
    tested = len(plan.sets[TEST].keys)
    for row, source in plan.rows.items():
        if plan.is_compared(row):
            count = plan.translators(row)
            answers = [
                [found[Fit(row, seed, None, number)][tested:] for seed in range(plan.seeds)] for number in range(count)
            ]
            shares = [[_share(one, other) for other in answers] for one in answers]
            compared[source.sets[0]] = {"shares": shares, "agreed": agreeing(shares)}
    return compared


def _share(one: list[Tensor], other: list[Tensor]) -> float:
    return mean(float((first == second).double().mean()) for first, second in product(one, other))


def agreeing(shares: list[list[float]]) -> list[int]:
    """Return the numbers of the largest group in which every two agree, in order.

    Of groups of one size it is the one that agrees best; none where no two agree.
    """
    for size in range(len(shares), 1, -1):
        groups = []
        for members in combinations(range(len(shares)), size):
            among = [shares[one][other] for one, other in combinations(members, 2)]
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
