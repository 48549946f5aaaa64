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
from refine.benchmark.scores import Figure, adjust, compare, figure_of, score_row
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


def measure(
    plan: Plan, stored: StoredFits, jobs: int, scoring: Scoring, clusters: Tensor
) -> tuple[dict[str, Row], dict[str, Figure]]:
    """Run what is not stored, and score every row.

    Args:
        plan: What to fit.
        stored: Where predictions lie.
        jobs: Processes at a time.
        scoring: Of the test images.
        clusters: ``(N,)`` numbers of their clusters.

    Returns:
        Rows by name, and what moves the figure of each.
    """
    found = run_fits(plan, stored, jobs)
    rows: dict[str, Row] = {}
    figures: dict[str, Figure] = {}
    synthetic: Tensor | None = None
    for name in plan.rows:
        fits = [fit for fit in plan.fits() if fit.row == name]
        draws = plan.translators(name)
        predictions = torch.stack(
            [_together(plan, found, name, seed, draw) for draw in range(draws) for seed in range(plan.seeds)]
        )
        n_train, n_real = min(plan.counts(fit) for fit in fits)
        figures[name] = figure_of(scoring, predictions, clusters, draws)
        rows[name] = row = score_row(scoring, predictions, clusters, n_train, figures[name])
        if n_real:
            row["n_real"] = n_real
        if plan.is_crossed(name):
            row["folds"] = len(plan.folds)
        if synthetic is None:  # the first row
            synthetic = predictions
        else:
            of_both = figures[name], figures[SYNTHETIC]
            row["difference"] = compare(scoring, predictions, synthetic, clusters, of_both)
    adjust(rows)
    return rows, figures


def _together(plan: Plan, found: Mapping[Fit, Tensor], row: str, seed: int, translator: int) -> Tensor:
    """Predictions ``(N, ...)`` of all test images, of all blocks."""
    if not plan.is_crossed(row):
        return found[Fit(row, seed, None, translator)]
    parts = {fold: found[Fit(row, seed, fold, translator)] for fold in range(len(plan.folds))}
    whole = torch.empty((len(plan.sets[TEST].keys), *parts[0].shape[1:]), dtype=parts[0].dtype)
    for fold, part in parts.items():
        whole[plan.folds[fold]] = part
    return whole
