"""Which methods are tried, in which order, and how the time is shared."""

from collections.abc import Sequence

from refine.labels import LabelKind

TRAINING_FREE = ("color-transfer", "histogram-matching", "fda")
WEIGHTS = {"simgan": 1.0, "cyclegan": 2.5, "cut": 2.0, "cycada": 2.5}
"""Parts of the time for training: a step of a translator in both directions takes longer, and it needs more of them."""
FREE_STEPS = 30
"""Batches whose statistics a method without training takes."""
TASK_PART = 0.05
"""Part of the time that a task model gets: the judge, and f_S of CyCADA."""
MEASURING_PART = 0.1
"""Part of the time that is left for measuring and pages."""
BENCHMARK_PART = 0.25
"""The same for the benchmark."""
GUIDED: frozenset[LabelKind] = frozenset({"class", "mask", "targets"})
"""Kinds of labels that CyCADA can be held to."""


def methods(kind: str) -> list[str]:
    """Names of the methods that fit, in the order in which they are tried.

    Args:
        kind: Of the synthetic labels, or ``none``.
    """
    learned = [name for name in WEIGHTS if name != "cycada" or kind in GUIDED]
    return [*TRAINING_FREE, *learned]


def share(name: str, left: Sequence[str], seconds: float) -> float:
    """Seconds for one method of those that are left, it among them."""
    return seconds * WEIGHTS[name] / sum(WEIGHTS[each] for each in left if each in WEIGHTS)


def for_training(seconds: float, benchmark: bool) -> float:
    """Seconds of a whole trial that training may take."""
    return seconds * (1 - MEASURING_PART - (BENCHMARK_PART if benchmark else 0))
