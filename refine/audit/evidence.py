"""One kind of evidence about every image: its scores, the limits from perturbations, and whether to trust it."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from refine.audit.calibration import (
    MOST_IMAGES,
    MOST_PAIRED_IMAGES,
    Thresholds,
    above,
    largest_group,
    pair_power,
    perturbed_scores,
    planted_power,
    rate,
    rate_of,
    replacements,
    thresholds,
)
from refine.audit.judges import Examples, JudgeEnsemble, Scores
from refine.audit.options import AuditOptions
from refine.audit.pairs import Pairs
from refine.audit.result import JudgeRecord, Power, Rate, ReachedBar
from refine.audit.training import train_judges

CONSENSUS_BAR = 0.7
"""Judges of two architectures that learned apart must say the same of so many refined images, or they are not at home
there: about as often as they disagree, each of them errs (Jiang et al. 2022, arXiv 2106.13799)."""
LABEL_BAR = 0.5
"""Share of the refined images in which judges must find the label; below that it is open whether labels or judges are
wrong."""
LEARNED_BAR = 0.8
"""The same of judges that learned on refined images, where nothing but wrong labels can keep them from it; and of
evidence that is no judge of labels."""
POWER_BAR = 0.9
"""The lower end of the detection power of replaced images that a competent judge reaches on refined images."""
LEARNED_IMAGES = 120
"""Images on which it is measured whether judges that are not competent learned at all, but for classes."""


class Evidence(NamedTuple):
    """Scores of N images with what is known about them."""

    name: str
    scores: Scores
    """Scores of the refined images, by measure ``(N,)``."""
    before: Scores
    """The same judges on the synthetic images; empty where there is nothing before."""
    perturbed: dict[str, Scores]
    """Scores of images with right labels after each perturbation: the half that sets the limits."""
    held_out: dict[str, Scores]
    """The other half, for the rates."""
    competent: bool = False
    measured: float = 0.0
    bar: float = 1.0
    why: str = ""
    decides: bool = True
    """Whether it can fail an image; else it asks for a review."""
    power: tuple[Power, ...] = ()
    reached: Mapping[str, ReachedBar] = MappingProxyType({})
    """The figures that competence depends on, as in a `JudgeRecord`."""
    labeled_images: int = 0
    """Number of labeled real images that its judges learned on."""

    def limits(self) -> Thresholds:
        """Return the limits that perturbations set."""
        return thresholds(list(self.perturbed.values()))

    def least_power(self) -> float:
        """Return the lower end of the detection power of replaced images, the largest size of each; what competence
        hangs on."""
        return min((power["low"] for power in replacements(self.power)), default=0.0)

    def label_share(self) -> float:
        """Return the share of the refined images that it would not fail."""
        return 1.0 - float(above(self.scores, self.limits().fail).float().mean())

    def false_rejects_by_change(self) -> dict[str, Rate]:
        """Return the false rejects by perturbation, on the half that set no limit."""
        limits = self.limits()
        return {name: rate_of(scores, limits) for name, scores in self.held_out.items()}

    def false_rejects(self) -> Rate:
        """Return those of all perturbations, each image counted once: by the share of its changes that reject it."""
        each, failed = (
            torch.stack([above(scores, limit) for scores in self.held_out.values()]).double().mean(0)
            for limit in self.limits()
        )
        # n: images, not images times changes, which hang together
        return rate(round(float(each.sum())), len(each), round(float(failed.sum())))

    def records(self) -> dict[str, JudgeRecord]:
        """Return its records, one a measure, as they stand in `audit.json`."""
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
    """Split scores into those of the images that set limits, and of the others.

    Args:
        scores: By perturbation.
        first: ``(n,)`` bool.
    """

    def part(chosen: Tensor) -> dict[str, Scores]:
        return {change: {name: values[chosen] for name, values in of.items()} for change, of in scores.items()}

    return part(first), part(~first)


class AuditContext(NamedTuple):
    """The inputs of all evidence."""

    pairs: Pairs
    folds: Tensor
    """``(N,)``"""
    options: AuditOptions
    clusters: Tensor | None = None
    """``(N,)`` numbers of the groups of images; None: every image is its own."""
    output: Path | None = None
    """Folder in which trained judges are kept until the audit is finished; None: nowhere."""

    def synthetic(self) -> Examples:
        """Return the images before, under their labels."""
        return Examples(self.pairs.synthetic, self.folds, self.pairs.labels)

    def refined(self) -> Examples:
        """Return the images after, under their labels."""
        return Examples(self.pairs.refined, self.folds, self.pairs.labels)

    def sample(self, most: int | None = None) -> Tensor:
        """Draw the numbers of the images that limits, false rejects and power are measured on."""
        generator = torch.Generator().manual_seed(self.options.seed)
        return torch.randperm(len(self.pairs.keys), generator=generator)[: most or MOST_IMAGES].sort().values

    def train(self, name: str, sources: tuple[Tensor, ...], labels: Tensor, folds: Tensor) -> JudgeEnsemble:
        """Train judges on some images, as `train_judges`."""
        pairs = self.pairs
        return train_judges(name, sources, labels, folds, pairs.kind, pairs.names, self.options, self.output)

    def power(self, judges: JudgeEnsemble, limits: Thresholds) -> tuple[Power, ...]:
        """Measure the power for corruption of refined images; of classes also for every wrong label under each of up to
        `MOST_PAIRED_IMAGES` images."""
        pairs, chosen, seed = self.pairs, self.sample(), self.options.seed
        examples = self.refined().take(chosen)
        found = planted_power(pairs.kind, pairs.names, examples, judges.deciding_scores, limits, seed)
        if self.clusters is not None and (largest := largest_group(self.clusters[chosen])) > 1:
            found = [{**one, "largest_group": largest} for one in found]
        if pairs.kind.one_class:
            chosen = self.sample(MOST_PAIRED_IMAGES)
            doubts = judges.doubts_by_class(self.refined().take(chosen))
            clusters = torch.arange(len(chosen)) if self.clusters is None else self.clusters[chosen]
            (measured,) = limits.review
            ends = limits.review[measured], limits.fail[measured]
            found += pair_power(doubts, pairs.labels[chosen], clusters, ends, pairs.names)
        return tuple(found)

    def learned(self, judges: JudgeEnsemble, own: Examples, limits: Thresholds) -> dict[str, ReachedBar]:
        """Measure whether judges find the label in images of their own domain: in those that they never saw, and in
        those that they learned on. It says why they are not competent on refined ones.

        Args:
            judges: An ensemble that was trained here.
            own: Images of its domain.
            limits: Limits of its scores.

        Returns:
            ``held_out`` and ``learned_on``: of classes the share of images whose label is the most probable, of other
            labels the share of replaced images that are found.
        """
        pairs, seed = self.pairs, self.options.seed
        count = max(member.fold for member in judges.members) + 1

        def found(asked: Tensor) -> float:
            examples = own._replace(folds=asked)
            if pairs.kind.one_class:
                return share_most_probable(judges.judge(examples).scores)
            part = examples.take(slice(LEARNED_IMAGES))
            power = planted_power(pairs.kind, pairs.names, part, judges.deciding_scores, limits, seed)
            return min((one["rate"] for one in replacements(power)), default=0.0)

        shares = {"held_out": found(own.folds), "learned_on": found((own.folds + 1) % max(1, count))}
        return {name: {"value": share, "bar": LEARNED_BAR} for name, share in shares.items()}


def share_most_probable(scores: Scores) -> float:
    """Return the share of images whose class is the most probable one."""
    return float((scores["class_margin"] < 0).float().mean())


class GatheredEvidence(NamedTuple):
    """An ensemble's evidence, not yet held against any bar."""

    evidence: Evidence
    consensus: float
    """Consensus on the refined images, 0 to 1."""
    label_share: float
    """Share of the refined images in which the judges find the label: of classes, it is the most probable one."""
    learned: Callable[[], dict[str, ReachedBar]]
    """`AuditContext.learned` of the images that set the limits."""

    def conclude(
        self,
        shown: Literal["label", "power", "consensus"],
        why: str,
        label_bar: float = LABEL_BAR,
        consensus_bar: float | None = CONSENSUS_BAR,
        trained_apart: bool = False,
    ) -> Evidence:
        """Hold it against the bars.

        Args:
            shown: The figure that competence is shown by.
            why: What was measured on what.
            label_bar: Bar of `label_share`.
            consensus_bar: Bar of `consensus`; None asks for none.
            trained_apart: Whether the judges learned on images of another domain alone: where they are not competent,
                `learned` says why.
        """
        reached: dict[str, ReachedBar] = {
            "label": {"value": self.label_share, "bar": label_bar},
            "power": {"value": self.evidence.least_power(), "bar": POWER_BAR},
        }
        if consensus_bar is not None:
            reached["consensus"] = {"value": self.consensus, "bar": consensus_bar}
        competent = all(one["value"] >= one["bar"] for one in reached.values())
        measured, bar = reached[shown]["value"], reached[shown]["bar"]
        if trained_apart and not competent:
            reached |= self.learned()
        return self.evidence._replace(competent=competent, measured=measured, bar=bar, why=why, reached=reached)


def gather_evidence(
    name: str,
    judges: JudgeEnsemble,
    context: AuditContext,
    right: Examples,
    asked: JudgeEnsemble | None = None,
    before: bool = True,
) -> GatheredEvidence:
    """Ask an ensemble about everything.

    Args:
        name: Name of the evidence.
        judges: The ensemble, by which the limits are set.
        context: What is audited.
        right: Images with right labels, which are perturbed.
        asked: The ensemble as it is asked about refined images; None: the same.
        before: Whether it is asked about the synthetic images, too.
    """
    pairs, asked, seed = context.pairs, asked or judges, context.options.seed
    perturbed = perturbed_scores(pairs.kind, right, judges.deciding_scores, seed)
    first = torch.rand(len(right.images), generator=torch.Generator().manual_seed(seed + 1)) < 0.5
    if bool(first.all()) or not bool(first.any()):  # of few images, chance may leave a half empty
        first = torch.arange(len(right.images)) % 2 == 0
    after = asked.judge(context.refined())
    scores = {key: after.scores[key] for key in pairs.kind.deciding(pairs.names)}
    early = asked.deciding_scores(context.synthetic()) if before else {}
    evidence = Evidence(name, scores, early, *halves(perturbed, first))
    evidence = evidence._replace(power=context.power(asked, evidence.limits()))
    read = share_most_probable(after.scores) if pairs.kind.one_class else evidence.label_share()
    learned = partial(context.learned, judges, right, evidence.limits())
    return GatheredEvidence(evidence, float(after.consensus.mean()), read, learned)
