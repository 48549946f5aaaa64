"""Every figure of one sample of images against one of real ones."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch

from refine.metrics.distances import HIGHER_IS_NEARER, metric_name
from refine.metrics.extrapolation import frechet_at_infinity
from refine.metrics.features import FeatureExtractor
from refine.metrics.frechet import frechet_of_moments
from refine.metrics.kernel import kernel
from refine.metrics.kernel_interval import Resampled, change_interval, resampled_kernel
from refine.metrics.manifold import density_coverage, precision_recall
from refine.metrics.patches import level_sizes
from refine.metrics.result import Score
from refine.metrics.sides import Part
from refine.metrics.sliced_wasserstein import descriptor_distance


class Measures(NamedTuple):
    """What to measure, and how."""

    metrics: Sequence[str]
    extractors: Sequence[FeatureExtractor]
    size: tuple[int, int]
    seed: int
    neighbors: Mapping[str, int]
    """k of precision, recall, density and coverage, of those that are measured."""
    grouped: bool
    """Whether somebody said which images hang together."""
    infinite: bool
    """Whether FID is extrapolated."""

    @property
    def keep(self) -> bool:
        """Whether all feature vectors are needed at once."""
        return self.infinite or any(metric not in ("swd", "fid", "skvd") for metric in self.metrics)


class Compared(NamedTuple):
    """Scores by full name, and the resamples behind those that have an interval."""

    scores: dict[str, Score]
    resampled: dict[str, Resampled]


def compare(part: Part, reference: Part, measures: Measures, *, seeds: tuple[int, int] | None = None) -> Compared:
    """Measure everything that was asked for.

    Args:
        part: Of a synthetic, a refined or the real folder.
        reference: Of the real one.
        measures: What to measure.
        seeds: Of the intervals' draws on each side; None where the two are no sets of their own, drawn apart, so
            that nothing has an interval.
    """
    found = Compared({}, {})
    if "swd" in measures.metrics:
        found.scores["swd"] = _patches(part, reference, measures)
    for number, extractor in enumerate(measures.extractors):
        for metric, score in _on_features(part, reference, number, measures, seeds, found.resampled).items():
            if metric in measures.metrics:
                score["n"] = [part.images, reference.images]
                if metric in HIGHER_IS_NEARER:
                    score["higher_is_nearer"] = True
                found.scores[metric_name(metric, extractor)] = score
    return found


def add_change(after: Compared, before: Compared, paired: bool) -> None:
    """Give each score its difference to another row's, with an interval where both have one."""
    for name, score in after.scores.items():
        score["change"] = {"value": score["value"] - before.scores[name]["value"]}
        if name in after.resampled and name in before.resampled:
            low, high = change_interval(after.resampled[name], before.resampled[name])
            score["change"] |= {"interval": [low, high], "paired": paired}


def _patches(part: Part, reference: Part, measures: Measures) -> Score:
    generator = torch.Generator().manual_seed(measures.seed)  # the same directions for every row
    distance = descriptor_distance(part.descriptors, reference.descriptors, generator=generator)
    names = [f"{height}x{width}" for height, width in level_sizes(measures.size)]
    n = [len(part.descriptors[0]), len(reference.descriptors[0])]
    levels = dict(zip(names, distance.levels.tolist(), strict=True))
    return {"value": distance.value.item(), "n": n, "levels": levels}


def _on_features(
    part: Part,
    reference: Part,
    number: int,
    measures: Measures,
    seeds: tuple[int, int] | None,
    resampled: dict[str, Resampled],
) -> dict[str, Score]:
    metrics, found = measures.metrics, dict[str, Score]()
    if "fid" in metrics:
        found["fid"] = _score(frechet_of_moments(part.moments[number], reference.moments[number]))
    if not measures.keep:
        return found
    a, b = part.features[number], reference.features[number]
    if "fid" in metrics and measures.infinite:
        value, sizes, values = frechet_at_infinity(a, b, measures.seed)
        found["fid"]["infinite"] = {"value": value, "sizes": [list(each) for each in sizes], "values": values}
    if "kid" in metrics and seeds and all(len(set(side.clusters.tolist())) > 1 for side in (part, reference)):
        spread = resampled_kernel(a, b, part.clusters, reference.clusters, seeds=seeds)
        resampled[metric_name("kid", measures.extractors[number])] = spread
        found["kid"] = _score(spread.value) | {"interval": list(spread.interval())}
        if measures.grouped:
            found["kid"]["between_groups"] = spread.between
    elif "kid" in metrics:
        found["kid"] = _score(kernel(a, b))
    k = measures.neighbors
    if "precision" in k or "recall" in k:
        shares = precision_recall(a, b, k.get("precision", k.get("recall", 0)))
        found |= {"precision": _score(shares.precision), "recall": _score(shares.recall)}
    if "density" in k or "coverage" in k:
        filled = density_coverage(a, b, k.get("density", k.get("coverage", 0)))
        found |= {"density": _score(filled.density), "coverage": _score(filled.coverage)}
    return found


def _score(value: float) -> Score:
    return {"value": value, "n": []}
