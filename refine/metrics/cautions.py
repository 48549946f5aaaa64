"""What makes an evaluation's figures say less than they seem to."""

from collections.abc import Mapping

from refine.metrics.folders import Folder
from refine.metrics.result import Score

FEW_FID = 2048
"""Below this, most of FID is bias in many dimensions; its authors ask for at least as many images as it has."""
FEW = {"kid": 50, "precision": 50, "recall": 50, "density": 50, "coverage": 50}
"""Fewer images a side say little about a distribution."""
FEW_GROUPS = 10
"""Of so few recordings, hardly anything is known about how recordings differ."""
FORMATS_APART = 0.05
"""Share of files by which two sides may differ in their formats."""


def format_cautions(folders: Mapping[str, Folder]) -> list[str]:
    """Where the files of two sides are encoded differently: that alone moves every distance."""
    names = list(folders)
    apart = [
        (one, other)
        for number, one in enumerate(names)
        for other in names[number + 1 :]
        if _apart(folders[one].formats, folders[other].formats) > FORMATS_APART
    ]
    if not apart:
        return []
    sides = ", ".join(f"{name} {_counts(folder.formats)}" for name, folder in folders.items())
    return [f"file formats differ between the sides ({sides}); encoding alone moves distances: encode all sides alike"]


def count_cautions(rows: Mapping[str, Mapping[str, Score]], dimensions: Mapping[str, int]) -> list[str]:
    """Where a side has too few images for a metric.

    Args:
        rows: As in :class:`refine.metrics.result.Evaluation`.
        dimensions: D by the name of each metric that is FID.
    """
    found = []
    for name in rows["refined"]:
        n = min(least for scores in rows.values() for least in scores[name]["n"])
        metric = name.partition("[")[0]
        if name in dimensions:
            found += _of_fid(name, n, dimensions[name], any("infinite" in scores[name] for scores in rows.values()))
        elif n < FEW.get(metric, 0):
            found.append(f"{name}: {n} images on the smallest side say little; take {FEW[metric]} or more")
    return found


def group_cautions(groups: Mapping[str, int]) -> list[str]:
    """Where a side has too few groups for an interval; ``groups`` counts them by side."""
    few = [f"{name} {count}" for name, count in groups.items() if count < FEW_GROUPS]
    if not few:
        return []
    return [f"few groups ({', '.join(few)}): intervals over them are rough; take {FEW_GROUPS} or more a side"]


def _of_fid(name: str, n: int, dimension: int, extrapolated: bool) -> list[str]:
    if n >= max(FEW_FID, dimension):
        return []
    why = f"fewer than its {dimension} dimensions" if n < dimension else f"fewer than {FEW_FID}"
    line = f"{name}: {n} images on the smallest side, {why}; it grows as N falls: compare at equal N only, or take kid"
    if extrapolated and n < dimension:
        line += "; at infinite N it is a guess, since FID is a straight line in 1/N only well above that"
    return [line]


def _apart(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    a, b = sum(one.values()), sum(other.values())
    return sum(abs(one.get(name, 0) / a - other.get(name, 0) / b) for name in {*one, *other}) / 2


def _counts(formats: Mapping[str, int]) -> str:
    return " and ".join(f"{count} {name}" for name, count in formats.items())
