"""Every figure of one sample of images against one of real ones, and what makes these figures say less than they seem
to."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import torch

from refine.distances.features import FeatureSet
from refine.distances.folders import Folder
from refine.distances.result import Score
from refine.metrics.features import FeatureExtractor, metric_name
from refine.metrics.frechet import frechet_at_infinity, frechet_of_moments
from refine.metrics.kernel import Resampled, change_interval, kernel, resampled_kernel
from refine.metrics.manifold import density_coverage, precision_recall
from refine.metrics.sliced_wasserstein import descriptor_distance, level_sizes

FEATURE_METRICS = ("fid", "kid", "precision", "recall", "density", "coverage", "skvd")
"""Measured on a network's features."""
METRICS = ("swd", *FEATURE_METRICS)
NEIGHBORS = {"precision": 3, "recall": 3, "density": 5, "coverage": 5}
"""k of the papers: Kynkäänniemi et al. 2019, Naeem et al. 2020."""
HIGHER_IS_NEARER = tuple(NEIGHBORS)
"""Of all others, less is nearer."""

LEAST_FID = 2048
"""Below this, most of FID is bias in many dimensions; its authors ask for at least as many images as it has."""
LEAST_IMAGES = {"kid": 50, "precision": 50, "recall": 50, "density": 50, "coverage": 50}
"""Fewer images a side say little about a distribution."""
LEAST_GROUPS = 10
"""Of fewer recordings, hardly anything is known about how recordings differ."""
FORMATS_APART = 0.05
"""Share of files by which two sides may differ in their formats."""


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
        """Return whether all feature vectors are needed at once."""
        return self.infinite or any(metric not in ("swd", "fid", "skvd") for metric in self.metrics)


class Compared(NamedTuple):
    """Scores by full name, and the resamples behind those that have an interval."""

    scores: dict[str, Score]
    resampled: dict[str, Resampled]


def compare(
    part: FeatureSet, reference: FeatureSet, measures: Measures, *, seeds: tuple[int, int] | None = None
) -> Compared:
    """Measure everything that was asked for.

    Args:
        part: Images of a synthetic, a refined or the real folder.
        reference: Images of the real one.
        measures: What to measure.
        seeds: Seeds of the intervals' draws on each side; None where the two are no sets of their own, drawn apart, so
            that nothing has an interval.
    """
    found = Compared({}, {})
    if "swd" in measures.metrics:
        generator = torch.Generator().manual_seed(measures.seed)  # the same directions for every row
        distance = descriptor_distance(part.descriptors, reference.descriptors, generator=generator)
        names = [f"{height}x{width}" for height, width in level_sizes(measures.size)]
        found.scores["swd"] = {
            "value": distance.value.item(),
            "n": [len(part.descriptors[0]), len(reference.descriptors[0])],
            "levels": dict(zip(names, distance.levels.tolist(), strict=True)),
        }
    for number, extractor in enumerate(measures.extractors):
        for metric, score in _on_features(part, reference, number, measures, seeds, found.resampled).items():
            if metric in measures.metrics:
                score["n"] = [part.images, reference.images]
                if metric in HIGHER_IS_NEARER:
                    score["higher_is_nearer"] = True
                found.scores[metric_name(metric, extractor)] = score
    return found


def _on_features(
    part: FeatureSet,
    reference: FeatureSet,
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
    clusters = part.clusters, reference.clusters
    several = all(each is not None and len(set(each.tolist())) > 1 for each in clusters)
    if "kid" in metrics and seeds and several:
        spread = resampled_kernel(a, b, *clusters, seeds=seeds)
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


def add_change(after: Compared, before: Compared, paired: bool) -> None:
    """Give each score its difference to another row's, with an interval where both have one."""
    for name, score in after.scores.items():
        score["change"] = {"value": score["value"] - before.scores[name]["value"]}
        if name in after.resampled and name in before.resampled:
            low, high = change_interval(after.resampled[name], before.resampled[name])
            score["change"] |= {"interval": [low, high], "paired": paired}


def format_cautions(folders: Mapping[str, Folder]) -> list[str]:
    """Warn where the files of two sides are encoded differently: that alone moves every distance."""
    pairs = combinations((folder.formats for folder in folders.values()), 2)
    if not any(_formats_apart(one, other) > FORMATS_APART for one, other in pairs):
        return []
    sides = ", ".join(
        f"{name} {' and '.join(f'{count} {kind}' for kind, count in folder.formats.items())}"
        for name, folder in folders.items()
    )
    return [f"file formats differ between the sides ({sides}); encoding alone moves distances: encode all sides alike"]


def _formats_apart(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    a, b = sum(one.values()), sum(other.values())
    return sum(abs(one.get(name, 0) / a - other.get(name, 0) / b) for name in {*one, *other}) / 2


def count_cautions(rows: Mapping[str, Mapping[str, Score]], dimensions: Mapping[str, int]) -> list[str]:
    """Warn where a side has too few images for a metric.

    Args:
        rows: As in `Evaluation`.
        dimensions: D by the name of each metric that is FID.
    """
    found = []
    for name in rows["refined"]:
        n = min(least for scores in rows.values() for least in scores[name]["n"])
        dimension, least = dimensions.get(name), LEAST_IMAGES.get(name.partition("[")[0], 0)
        if dimension is not None and n < max(LEAST_FID, dimension):
            why = f"fewer than its {dimension} dimensions" if n < dimension else f"fewer than {LEAST_FID}"
            line = f"{name}: {n} images on the smallest side, {why}; it grows as N falls: compare at equal N only, or "
            line += "take kid"
            if n < dimension and any("infinite" in scores[name] for scores in rows.values()):
                line += "; at infinite N it is a guess, since FID is a straight line in 1/N only well above that"
            found.append(line)
        elif dimension is None and n < least:
            found.append(f"{name}: {n} images on the smallest side say little; take {least} or more")
    return found


def group_cautions(groups: Mapping[str, int]) -> list[str]:
    """Warn where a side has too few groups for an interval; ``groups`` counts them by side."""
    few = [f"{name} {count}" for name, count in groups.items() if count < LEAST_GROUPS]
    if not few:
        return []
    return [f"few groups ({', '.join(few)}): intervals over them are rough; take {LEAST_GROUPS} or more a side"]
