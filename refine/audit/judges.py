"""Judges: task models of two architectures, none of which ever saw the image that it judges."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor

from refine.data.images import to_float
from refine.devices import without_tf32
from refine.errors import InputError
from refine.labels import LabelKind
from refine.labels.classes import log_probabilities
from refine.methods.task import Task
from refine.metrics.intervals import cluster_numbers
from refine.networks.task_networks import NetworkName

Scores = dict[str, Tensor]
"""Measure to ``(N,)`` float32; higher is more suspicious."""


def networks_for(kind: LabelKind, asked: Sequence[str]) -> tuple[NetworkName, ...]:
    """Return the architectures that are asked for, or the usual ones.

    Raises:
        InputError: If one does not learn this kind of label.
    """
    known = {str(name): name for name in kind.networks}
    for name in asked:
        if name not in known:
            raise InputError(f"--networks {name}: does not learn {kind.name} labels; choose {', '.join(known)}")
    return tuple(known[name] for name in asked) or kind.judges.networks


class Examples(NamedTuple):
    """n images that are held against labels."""

    images: Tensor
    """``(n, C, H, W)`` in [-1, 1], or uint8."""
    folds: Tensor
    """``(n,)`` fold of the picture that each image shows: judges that learned on other folds never saw it."""
    labels: Tensor
    """``(n, ...)`` what the images are said to show, as `LabeledImages.labels`."""

    def floats(self) -> Tensor:
        """Return the images in [-1, 1]."""
        return to_float(self.images) if self.images.dtype == torch.uint8 else self.images

    def take(self, chosen: Tensor | slice) -> "Examples":
        """Return some of them: by number, or a mask."""
        return Examples(self.images[chosen], self.folds[chosen], self.labels[chosen])

    def batches(self, size: int) -> "list[Examples]":
        """Return them in parts of ``size``, in order."""
        return [Examples(*parts) for parts in zip(*(torch.split(whole, size) for whole in self), strict=True)]


class JudgeScores(NamedTuple):
    """Scores of n images by an ensemble."""

    scores: Scores
    """Each measure of `LabelKind.judge_scores`, ``(n,)``, in the mean over the architectures."""
    consensus: Tensor
    """``(n,)`` in [0, 1]: how far the architectures say the same, whatever the label; 1 with one alone."""


class EnsembleMember(NamedTuple):
    """One trained judge."""

    network: str
    fold: int
    """It never saw the images of this fold; -1: it saw none of the images at all."""
    task: Task


class JudgeEnsemble(NamedTuple):
    """Judges that were trained in the same way."""

    name: str
    members: tuple[EnsembleMember, ...]

    @property
    def kind(self) -> LabelKind:
        """Kind of the labels that they know."""
        return self.members[0].task.label_kind

    @property
    def names(self) -> tuple[str, ...]:
        """Names of their classes or targets."""
        return tuple(self.members[0].task.classes or ())

    def outputs(self, images: Tensor, folds: Tensor) -> list[Tensor]:
        """Ask each architecture about each image, by the judge that never saw it.

        Args:
            images: ``(n, C, H, W)`` in [-1, 1].
            folds: ``(n,)``, as of `Examples`.

        Returns:
            For each architecture probabilities ``(n, K)`` or ``(n, K, H, W)``, targets ``(n, K)``, or boxes
            ``(n, M, 6)``.
        """
        found: list[Tensor] = []
        for network in dict.fromkeys(member.network for member in self.members):
            said: Tensor | None = None
            for member in self.members:
                if member.network != network:
                    continue
                mine = torch.arange(len(images)) if member.fold < 0 else (folds == member.fold).nonzero()[:, 0]
                if len(mine):
                    part = ask(member.task, images[mine])
                    said = part.new_zeros(len(images), *part.shape[1:]) if said is None else said
                    said[mine] = part
            if said is not None:
                found.append(said)
        return found

    def judge(self, examples: Examples) -> JudgeScores:
        """Hold images against labels.

        Source:
            Of the consensus: Jiang et al. 2022, Assessing generalization via disagreement, arXiv 2106.13799: models
            that were trained apart disagree about as often as each of them errs.
        """
        kind, parts, same = self.kind, [], []
        spread = kind.spread(examples.labels)
        for batch in examples.batches(kind.judges.images_per_call):  # probabilities of masks are large
            answers = self.outputs(batch.floats(), batch.folds)
            each = [kind.judge_scores(said, batch.labels, self.names) for said in answers]
            parts.append({name: torch.stack([one[name] for one in each]).mean(0) for name in each[0]})
            decided = [kind.decided(said) for said in answers]
            agreed = [kind.agreements(one, other, spread) for one, other in combinations(decided, 2)]
            same.append(torch.stack(agreed).amin(0) if agreed else torch.ones(len(batch.images)))
        return JudgeScores({name: torch.cat([part[name] for part in parts]) for name in parts[0]}, torch.cat(same))

    def deciding_scores(self, examples: Examples) -> Scores:
        """Return the measures that a verdict hangs on."""
        scores = self.judge(examples).scores
        return {name: scores[name] for name in self.kind.deciding(self.names)}

    def doubts_by_class(self, examples: Examples) -> Tensor:
        """Return what `judge` would call ``class_doubt`` under each of K labels, with one look at the images.

        Returns:
            ``(n, K)`` nats, 0 or more.
        """
        parts = []
        for batch in examples.batches(self.kind.judges.images_per_call):
            answers = self.outputs(batch.floats(), batch.folds)
            parts.append(torch.stack([-log_probabilities(said) for said in answers]).mean(0))
        return torch.cat(parts)


@without_tf32()
def ask(task: Task, images: Tensor) -> Tensor:
    """Ask one judge, as `JudgeEnsemble.outputs`."""
    parts = torch.split(images, task.label_kind.judges.images_per_call)
    return torch.cat([task.estimate(part.to(task.device)).cpu() for part in parts])


def in_folds(labels: Tensor, kind: LabelKind, count: int, seed: int, clusters: Tensor) -> Tensor:
    """Draw ``(n,)`` fold numbers: whole clusters at random, of classes each class spread evenly.

    Args:
        labels: ``(n, ...)``.
        kind: Kind of the labels.
        count: Number of folds.
        seed: Seed of the draw.
        clusters: ``(n,)`` numbers; images of one cluster stay together.
    """
    generator = torch.Generator().manual_seed(seed)
    clusters = cluster_numbers([str(number) for number in clusters.tolist()])
    first = torch.zeros(int(clusters.max()) + 1, dtype=torch.int64).scatter_(0, clusters, torch.arange(len(clusters)))
    drawn = torch.randperm(len(first), generator=generator)
    if kind.one_class:
        drawn = drawn[labels[first[drawn]].argsort(stable=True)]
    fold_of = torch.empty(len(first), dtype=torch.int64)
    fold_of[drawn] = torch.arange(len(first)) % count
    return fold_of[clusters]
