"""From a plan to its rows."""

from collections.abc import Mapping

import torch
from torch import Tensor

from refine.benchmark.datasets import SYNTHETIC, Datasets
from refine.benchmark.jobs import run_fits
from refine.benchmark.plan import TEST, Fit, Plan
from refine.benchmark.result import Row
from refine.benchmark.score_classes import ClassScoring
from refine.benchmark.score_masks import MaskScoring
from refine.benchmark.score_objects import ObjectScoring
from refine.benchmark.score_targets import TargetScoring
from refine.benchmark.scores import compare, score_row
from refine.benchmark.scoring import Scoring
from refine.benchmark.stored import StoredFits


def scoring_of(data: Datasets) -> Scoring:
    """Of the test images, by their kind of label."""
    labels, names = data.real.labels, data.classes
    if data.kind == "mask":
        return MaskScoring(labels, names)
    if data.kind == "targets":
        return TargetScoring(labels, names)
    if data.kind == "objects":
        return ObjectScoring(labels, names)
    return ClassScoring(labels, names)


def measure(plan: Plan, stored: StoredFits, jobs: int, scoring: Scoring, clusters: Tensor) -> dict[str, Row]:
    """Run what is not stored, and score every row.

    Args:
        plan: What to fit.
        stored: Where predictions lie.
        jobs: Processes at a time.
        scoring: Of the test images.
        clusters: ``(N,)`` numbers of their clusters.
    """
    found = run_fits(plan, stored, jobs)
    rows: dict[str, Row] = {}
    predictions: dict[str, Tensor] = {}
    for name in plan.rows:
        fits = [fit for fit in plan.fits() if fit.row == name]
        predictions[name] = torch.stack([_together(plan, found, name, seed) for seed in range(plan.seeds)])
        n_train, n_real = min(plan.counts(fit) for fit in fits)
        rows[name] = row = score_row(scoring, predictions[name], clusters, n_train)
        if n_real:
            row["n_real"] = n_real
        if plan.is_crossed(name):
            row["folds"] = len(plan.folds)
        if name != SYNTHETIC:
            row["difference"] = compare(scoring, predictions[name], predictions[SYNTHETIC], clusters)
    return rows


def _together(plan: Plan, found: Mapping[Fit, Tensor], row: str, seed: int) -> Tensor:
    """Predictions ``(N, ...)`` of all test images, of all blocks."""
    if not plan.is_crossed(row):
        return found[Fit(row, seed)]
    parts = {fold: found[Fit(row, seed, fold)] for fold in range(len(plan.folds))}
    whole = torch.empty((len(plan.sets[TEST].keys), *parts[0].shape[1:]), dtype=parts[0].dtype)
    for fold, part in parts.items():
        whole[plan.folds[fold]] = part
    return whole
