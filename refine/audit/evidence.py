"""One kind of evidence about every image: its scores, the limits from benign changes, and whether to trust it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from refine.audit.calibration import Scores, Thresholds, above, false_rejects, rate, thresholds
from refine.audit.result import JudgeRecord, Power, Rate, Reached

CONSENSUS = 0.7
"""Judges of two architectures that learned apart must say the same of so many refined images, or they are not at home
there: about as often as they disagree, each of them errs (Jiang et al. 2022, arXiv 2106.13799)."""
READ = 0.5
"""Of so many refined images judges must find the label; below that it is open whether labels or judges are wrong."""
LEARNED = 0.8
"""The same of judges that learned on refined images, where nothing but wrong labels can keep them from it; and of
evidence that is no judge of labels."""
POWER = 0.9
"""The lower end of the detection power of replaced images that a competent judge reaches on refined images."""


class Evidence(NamedTuple):
    """Scores of N images with what is known about them."""

    name: str
    scores: Scores
    """Of the refined images, by measure ``(N,)``."""
    before: Scores
    """The same judges on the synthetic images; empty where there is nothing before."""
    benign: dict[str, Scores]
    """Of images with right labels after each benign change: the half that sets the limits."""
    held_out: dict[str, Scores]
    """The other half, for the rates."""
    competent: bool
    measured: float
    bar: float
    why: str
    decides: bool = True
    """Whether it can fail an image; else it asks for a review."""
    power: tuple[Power, ...] = ()
    reached: Mapping[str, Reached] = MappingProxyType({})
    """What competence hangs on, as in a `JudgeRecord`."""
    labeled_images: int = 0
    """Number of labeled real images that its judges learned on."""

    def limits(self) -> Thresholds:
        """What benign changes set."""
        return thresholds(list(self.benign.values()))

    def rejected(self) -> dict[str, Rate]:
        """False rejects by benign change, on the half that set no limit."""
        return false_rejects(self.held_out, self.limits())

    def all_rejected(self) -> Rate:
        """Of all benign changes together, each image counted once: by the share of its changes that reject it."""
        limits = self.limits()
        each, failed = (
            torch.stack([above(scores, limit) for scores in self.held_out.values()]).double().mean(0)
            for limit in limits
        )
        # n: images, not images times changes, which hang together
        return rate(round(float(each.sum())), len(each), round(float(failed.sum())))

    def records(self) -> dict[str, JudgeRecord]:
        """As they stand in `audit.json`, one a measure."""
        limits = self.limits()
        found: dict[str, JudgeRecord] = {}
        for measure in self.scores:
            record: JudgeRecord = {
                "competent": self.competent,
                "measured": self.measured,
                "bar": self.bar,
                "threshold": limits.review[measure],
                "why": self.why,
                "power": list(self.power),
            }
            if self.reached:
                record["reached"] = dict(self.reached)
            if self.labeled_images:
                record["labeled_images"] = self.labeled_images
            if self.decides:
                record["fail_threshold"] = limits.fail[measure]
            found[f"{self.name}: {measure}"] = record
        return found


def halves(scores: dict[str, Scores], first: Tensor) -> tuple[dict[str, Scores], dict[str, Scores]]:
    """Scores of the images that set limits, and of the others.

    Args:
        scores: By benign change.
        first: ``(n,)`` bool.
    """

    def part(chosen: Tensor) -> dict[str, Scores]:
        return {change: {name: values[chosen] for name, values in of.items()} for change, of in scores.items()}

    return part(first), part(~first)
