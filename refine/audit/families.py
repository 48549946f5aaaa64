"""The families of judges, trained or given, and the evidence that each brings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from refine.audit.calibration import (
    LOOKALIKE,
    MOST,
    MOST_PAIRS,
    Measure,
    Scores,
    Thresholds,
    benign_scores,
    largest_group,
    pair_power,
    planted_power,
)
from refine.audit.evidence import CONSENSUS, LEARNED, POWER, READ, Evidence, halves
from refine.audit.harm import MIXED
from refine.audit.judges import NETWORKS, Judges, Member, deciding, doubts_by_class, judge, train_judges
from refine.audit.pairs import Pairs
from refine.audit.result import Power, Reached
from refine.audit.setting import BATCH, Setting
from refine.audit.verdicts import share_read
from refine.data.images import to_float
from refine.devices import CPU, choose_device
from refine.errors import InputError
from refine.methods.checkpoint import load_method
from refine.methods.task import Task
from refine.metrics.intervals import lower_end

CONTENT, ADAPTED, REAL, GIVEN = "content", "adapted", "real", "given"
REPLACING = ("another", "gaze replaced", "targets replaced")
"""How the names of harms begin that put a whole image under a wrong label."""
ENOUGH = 40
"""Plants from which a power counts by itself: all found of a few less still leave the lower end under 90 %."""
OWN = 120
"""Images on which it is measured whether judges that are not competent learned at all, but for classes."""


class Gathered(NamedTuple):
    """A family's evidence, not yet held against any bar."""

    evidence: Evidence
    agreed: float
    """Consensus on the refined images, 0 to 1."""
    read: float
    """Share of the refined images in which the judges find the label: of classes, it is the most probable one."""

    def against(self, label: float, consensus: float | None = CONSENSUS) -> dict[str, Reached]:
        """What competence hangs on, with the bars; a ``consensus`` of None asks for none."""
        found: dict[str, Reached] = {
            "label": {"value": self.read, "bar": label},
            "power": {"value": finds(self.evidence), "bar": POWER},
        }
        if consensus is not None:
            found["consensus"] = {"value": self.agreed, "bar": consensus}
        return found


def is_competent(reached: Mapping[str, Reached]) -> bool:
    """Whether each figure reaches its bar."""
    return all(one["value"] >= one["bar"] for one in reached.values())


class Case(NamedTuple):
    """What all families look at."""

    pairs: Pairs
    folds: Tensor
    """``(N,)``"""
    setting: Setting
    clusters: Tensor | None = None
    """``(N,)`` numbers of the groups of images; None: every image is its own."""
    output: Path | None = None
    """Where trained judges are kept until the audit is finished; None: nowhere."""

    def train(self, name: str, sources: tuple[Tensor, ...], labels: Tensor, folds: Tensor) -> Judges:
        """A family on some images."""
        pairs, setting = self.pairs, self.setting
        networks = setting.networks or NETWORKS[pairs.kind]
        steps = setting.steps_for(pairs.kind, len(folds))
        batch_size = setting.batch_size or BATCH[pairs.kind]
        return train_judges(
            name,
            sources,
            labels,
            folds,
            pairs.kind,
            pairs.names,
            networks,
            steps,
            batch_size,
            setting.seed,
            self.output,
            device=choose_device(setting.device).type,
        )

    def measure(self, judges: Judges) -> Measure:
        """Scores of any images under any labels."""

        def scores(images: Tensor, folds: Tensor, labels: Tensor) -> Scores:
            found = judge(judges, images, folds, labels, self.pairs.kind, self.pairs.names).scores
            return {name: found[name] for name in deciding(self.pairs.kind, self.pairs.names)}

        return scores

    def sample(self, most: int | None = None) -> Tensor:
        """Numbers of the images that limits, false rejects and power are measured on."""
        generator = torch.Generator().manual_seed(self.setting.seed)
        return torch.randperm(len(self.pairs.keys), generator=generator)[: most or MOST].sort().values

    def power(self, judges: Judges, limits: Thresholds) -> tuple[Power, ...]:
        """Of harm planted into refined images; of classes also of every wrong label under each of up to `MOST_PAIRS`
        images."""
        pairs, chosen, measure = self.pairs, self.sample(), self.measure(judges)
        images, folds, labels = to_float(pairs.refined[chosen]), self.folds[chosen], pairs.labels[chosen]
        found = planted_power(pairs.kind, pairs.names, images, folds, labels, measure, limits, self.setting.seed)
        if self.clusters is not None and (largest := largest_group(self.clusters[chosen])) > 1:
            found = [{**one, "largest_group": largest} for one in found]
        if pairs.kind == "class":
            chosen = self.sample(MOST_PAIRS)
            doubts = doubts_by_class(judges, pairs.refined[chosen], self.folds[chosen])
            clusters = torch.arange(len(chosen)) if self.clusters is None else self.clusters[chosen]
            (measured,) = limits.review
            ends = limits.review[measured], limits.fail[measured]
            found += pair_power(doubts, pairs.labels[chosen], clusters, ends, pairs.names)
        return tuple(found)

    def learned(
        self, judges: Judges, images: Tensor, folds: Tensor, labels: Tensor, limits: Thresholds
    ) -> dict[str, Reached]:
        """Whether judges find the label in images of their own domain: in those that they never saw, and in those that
        they learned on. It says why they are not competent on refined ones.

        Args:
            judges: An ensemble that was trained here.
            images: ``(n, C, H, W)`` uint8 of its domain.
            folds: ``(n,)``
            labels: ``(n, ...)``
            limits: Of its scores.

        Returns:
            ``held_out`` and ``learned_on``: of classes the share of images whose label is the most probable, of other
            labels the share of replaced images that are found.
        """
        pairs, seed = self.pairs, self.setting.seed
        count = max(member.fold for member in judges.members) + 1

        def found(asked: Tensor) -> float:
            if pairs.kind == "class":
                margin = judge(judges, images, asked, labels, pairs.kind, pairs.names).scores["class_margin"]
                return float((margin < 0).float().mean())
            part, measure = slice(OWN), self.measure(judges)
            power = planted_power(
                pairs.kind, pairs.names, to_float(images[part]), asked[part], labels[part], measure, limits, seed
            )
            return min((one["rate"] for one in replacements(power)), default=0.0)

        shares = {"held_out": found(folds), "learned_on": found((folds + 1) % max(1, count))}
        return {name: {"value": share, "bar": LEARNED} for name, share in shares.items()}


def gather(
    name: str,
    judges: Judges,
    case: Case,
    images: Tensor,
    folds: Tensor,
    labels: Tensor,
    asked: Judges | None = None,
) -> Gathered:
    """Ask a family about everything.

    Args:
        name: Of the evidence.
        judges: The family, by which the limits are set.
        case: What is audited.
        images: ``(n, C, H, W)`` uint8 with right labels, which benign changes are made to.
        folds: ``(n,)`` of these.
        labels: ``(n, ...)`` of these.
        asked: The family as it is asked about refined images; None: the same.
    """
    pairs, asked = case.pairs, asked or judges
    measure = case.measure(asked)
    benign = benign_scores(pairs.kind, to_float(images), folds, labels, case.measure(judges), case.setting.seed)
    first = torch.rand(len(images), generator=torch.Generator().manual_seed(case.setting.seed + 1)) < 0.5
    if bool(first.all()) or not bool(first.any()):  # of few images, chance may leave a half empty
        first = torch.arange(len(images)) % 2 == 0
    deciding_half, held_out = halves(benign, first)
    names = deciding(pairs.kind, pairs.names)
    after = judge(asked, pairs.refined, case.folds, pairs.labels, pairs.kind, pairs.names)
    # Judges of real images are not at home in synthetic ones.
    before = {} if name == REAL else measure(pairs.synthetic, case.folds, pairs.labels)
    evidence = Evidence(
        name, {key: after.scores[key] for key in names}, before, deciding_half, held_out, False, 0.0, 1.0, ""
    )
    evidence = evidence._replace(power=case.power(asked, evidence.limits()))
    margin = after.scores.get("class_margin")
    read = share_read(evidence) if margin is None else float((margin < 0).float().mean())
    return Gathered(evidence, float(after.consensus.mean()), read)


def content(case: Case) -> tuple[Evidence, Judges]:
    """Judges that learned on synthetic images alone, under strong changes of appearance: nothing fools them that the
    translator does everywhere alike, if only they are at home in what it makes."""
    pairs = case.pairs
    judges = case.train(CONTENT, (pairs.synthetic,), pairs.labels, case.folds)
    chosen = case.sample()
    own = (pairs.synthetic[chosen], case.folds[chosen], pairs.labels[chosen])
    found = gather(CONTENT, judges, case, *own)
    evidence, agreed, read = found
    power, reached = finds(evidence), found.against(READ)
    why = (
        f"{_architectures(judges)} the same of {agreed:.1%} of the refined images (bar {CONSENSUS:.0%}), find the "
        f"label in {read:.1%} (bar {READ:.0%}), and find planted harm in {power:.1%} of cases at least "
        f"(bar {POWER:.0%})."
    )
    able = is_competent(reached)
    if not able:
        reached |= case.learned(judges, *own, evidence.limits())
    return evidence._replace(competent=able, measured=agreed, bar=CONSENSUS, why=why, reached=reached), judges


def _architectures(judges: Judges) -> str:
    members = {member.network for member in judges.members}
    kinds = {name.rpartition("-")[0] for name in members}
    if len(members) == 1:
        return "Judges of one architecture, with none beside it, say"
    return f"Judges of {len(kinds)} architectures say" if len(kinds) > 1 else "Judges that were trained apart say"


def adapted(case: Case) -> tuple[Evidence, Judges]:
    """Judges that learned on refined and synthetic images: sharp, but what the translator does everywhere alike is
    right to them."""
    pairs = case.pairs
    judges = case.train(ADAPTED, (pairs.refined, pairs.synthetic), pairs.labels, case.folds)
    chosen = case.sample()
    refined, folds, labels = to_float(pairs.refined[chosen]), case.folds[chosen], pairs.labels[chosen]
    # Nobody knows which refined labels are right: limits come from images in which these judges find the label.
    plain = judge(judges, refined, folds, labels, pairs.kind, pairs.names).scores
    first_measure = deciding(pairs.kind, pairs.names)[0]
    believed = (
        plain["class_margin"] < 0 if pairs.kind == "class" else plain[first_measure] <= plain[first_measure].median()
    )
    kept = chosen[believed] if int(believed.sum()) >= 2 else chosen
    found = gather(ADAPTED, judges, case, pairs.refined[kept], case.folds[kept], pairs.labels[kept])
    evidence, _, read = found
    power, reached = finds(evidence), found.against(LEARNED)
    why = (
        f"Learned on refined images of other folds; finds the label in {read:.1%} of them (bar {LEARNED:.0%}), and "
        f"planted harm in {power:.1%} of cases at least (bar {POWER:.0%}). It cannot see what the translator changes "
        "in all images alike."
    )
    able = is_competent(reached)
    return evidence._replace(competent=able, measured=read, bar=LEARNED, why=why, reached=reached), judges


def load_given(pairs: Pairs, paths: tuple[Path, ...], trust: tuple[str, ...], device: torch.device = CPU) -> Judges:
    """Task models of the user's.

    Raises:
        InputError: If a file holds no task model, or one of other labels.
    """
    members = []
    for place, path in enumerate(paths):
        task = load_method(path, trust)
        if not isinstance(task, Task):
            raise InputError(f"{path}: holds {type(task).__name__}; --judge takes a task model's checkpoint")
        if task.kind != pairs.kind or tuple(task.classes or ()) != pairs.names:
            raise InputError(
                f"{path}: knows {task.kind} labels {', '.join(task.classes or ())}, but the dataset has "
                f"{pairs.kind} labels {', '.join(pairs.names)}; give a judge of these"
            )
        if task.channels < pairs.synthetic.shape[1]:
            raise InputError(f"{path}: takes gray images, and the dataset is in color; give a judge of color images")
        members.append(Member(f"{path.name}-{place}", -1, task.to(device)))
    return Judges(GIVEN, tuple(members))


def given(case: Case, judges: Judges) -> Evidence:
    """Task models of the user's; whether they saw the synthetic images nobody knows."""
    chosen = case.sample()
    found = gather(GIVEN, judges, case, case.pairs.synthetic[chosen], case.folds[chosen], case.pairs.labels[chosen])
    evidence, _, read = found
    power, reached = finds(evidence), found.against(READ)
    why = (
        f"Finds the label in {read:.1%} of the refined images (bar {READ:.0%}), and planted harm in {power:.1%} of "
        f"cases at least (bar {POWER:.0%})."
    )
    return evidence._replace(competent=is_competent(reached), measured=read, bar=READ, why=why, reached=reached)


def finds(evidence: Evidence) -> float:
    """The lower end of the detection power of replaced images, the largest size of each; what competence hangs on."""
    return min((power["low"] for power in replacements(evidence.power)), default=0.0)


def replacements(found: Sequence[Power]) -> list[Power]:
    """Of the harms that replace a whole label, the largest size of each that was planted `ENOUGH` times; where none
    was, the one that was planted most often."""
    chosen: dict[str, Power] = {}
    for power in found:  # smallest size first
        before = chosen.get(power["harm"])
        if power["harm"].startswith(REPLACING) and (before is None or power["n"] >= min(before["n"], ENOUGH)):
            chosen[power["harm"]] = power
    return list(chosen.values())


def weakest(found: Sequence[Power], error: float) -> tuple[Power, float]:
    """The wrong label that is found least often, and the lower end of its power: what the bound hangs on.

    Candidates are replaced labels, the largest size of each; of classes also each class under the label it is most
    easily taken for, and images half way to another class.

    Args:
        found: Measured powers.
        error: Probability that the lower end lies above the smallest true power. It is that of a single one: for the
            smallest of several lower ends to lie above the smallest power, the one of that very power must.
    """
    wrong = [*replacements(found), *(power for power in found if power["harm"].startswith((LOOKALIKE, MIXED)))]
    ends = [
        lower_end(round(power["rate"] * power["n"]), power["n"], error, power.get("largest_group", 1))
        for power in wrong
    ]
    return min(zip(wrong, ends, strict=True), key=lambda pair: pair[1])


def shown_powers(found: Sequence[Power]) -> list[Power]:
    """Powers for people: of the pairs of classes only the one that is found least often, and the one that the bound
    hangs on, which may be of a class with few images."""
    pairs = [power for power in found if power["harm"].startswith(LOOKALIKE)]
    worst = [min(pairs, key=lambda power: power["rate"]), min(pairs, key=lambda power: power["low"])] if pairs else []
    return [power for power in found if power not in pairs or power in worst]
