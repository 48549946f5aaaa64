"""From datasets and wishes to a plan."""

from collections.abc import Sequence

from refine.benchmark.baselines import TRANSLATED
from refine.benchmark.datasets import SYNTHETIC, Datasets
from refine.benchmark.fitting import Protocol
from refine.benchmark.folds import blocks
from refine.benchmark.plan import REAL_TRAIN, TEST, Plan, sources
from refine.errors import InputError

FOLDS = 5


def make_plan(
    data: Datasets,
    protocol: Protocol,
    baselines: Sequence[str],
    few: int | None,
    groups: Sequence[str] | None,
    seeds: int,
) -> Plan:
    """Every fit that the benchmark asks for.

    Raises:
        InputError: If there are too few labeled real images for it, or a row's name stands twice.
    """
    sets = {SYNTHETIC: data.synthetic, TEST: data.real}
    for name, draws in data.refined.items():
        sets |= {f"{name}/{number}" if number else name: images for number, images in enumerate(draws)}
    folds: list[list[int]] = []
    if data.real_train is not None:
        sets[REAL_TRAIN] = data.real_train
        most, pool = len(data.real_train.keys), "of --real-train"
    else:
        keys = data.real.keys
        count = min(FOLDS, len(keys) if groups is None else len(set(groups)))
        if count < 2:
            raise InputError(
                f"{data.real_root}: cross-validation needs two labeled images or more; give others to --real-train"
            )
        folds = blocks(keys, count, groups)
        most, pool = len(keys) - max(len(fold) for fold in folds), "outside of the largest block of cross-validation"
    if few is not None and few > most:
        raise InputError(f"--real-few {few}: there are only {most} labeled real images {pool}; take fewer")
    rows = sources(baselines, list(data.refined), few)
    sets |= {name: data.translated(name) for name in baselines if name in TRANSLATED}
    return Plan(sets, rows, folds, data.classes, protocol, seeds)
