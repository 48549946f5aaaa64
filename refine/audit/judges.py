"""Judges: task models of two architectures, none of which ever saw the image that it judges."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from refine.audit.measures import Scores, is_gaze, judge_scores, log_probabilities
from refine.data.images import to_float
from refine.devices import without_tf32
from refine.errors import InputError
from refine.labels import LabelKind
from refine.methods.task import Task
from refine.metrics.intervals import cluster_numbers
from refine.metrics.label_error import box_agreement
from refine.networks.task_networks import NETWORKS, NetworkName

USUAL_NETWORKS: dict[LabelKind, tuple[NetworkName, ...]] = {
    "class": ("lenet", "small-cnn"),
    "mask": ("unet", "lraspp"),
    "targets": ("small-regressor", "small-regressor"),
    "objects": ("small-detector", "small-detector"),
}
"""Architectures of the judges by the kind of label; of one that stands twice, two are trained apart, which is weaker:
others are too slow without a GPU (`--networks small-regressor resnet18`)."""
IMAGES_PER_CALL: dict[LabelKind, int] = {"class": 512, "mask": 8, "targets": 256, "objects": 16}

DECIDING: dict[LabelKind, tuple[str, ...]] = {
    "class": ("class_doubt",),
    "mask": ("worst_region_doubt", "boundary_95_pixels"),
    "targets": (),
    "objects": ("object_doubt", "box_overlap_deficit", "objects_appeared"),
}
"""Measures of `judge_scores` that a verdict hangs on. Of targets: the angle, or each target's error."""


def networks_for(kind: LabelKind, asked: Sequence[str]) -> tuple[NetworkName, ...]:
    """Return the architectures that are asked for, or the usual ones.

    Raises:
        InputError: If one does not learn this kind of label.
    """
    known = {str(name): name for name in NETWORKS[kind]}
    for name in asked:
        if name not in known:
            raise InputError(f"--networks {name}: does not learn {kind} labels; choose {', '.join(known)}")
    return tuple(known[name] for name in asked) or USUAL_NETWORKS[kind]


def deciding(kind: LabelKind, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the measures that a verdict hangs on."""
    if kind != "targets":
        return DECIDING[kind]
    return ("angle_degrees",) if is_gaze(names) else tuple(f"error_{name}" for name in names)


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
    """Each measure of `judge_scores`, ``(n,)``, in the mean over the architectures."""
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
        return self.members[0].task.kind or "class"

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
        spread = None
        if kind == "targets":
            away = (examples.labels - examples.labels.mean(0)).abs()
            spread = away.mean(0).clamp_min(torch.finfo(away.dtype).tiny)
        for batch in examples.batches(IMAGES_PER_CALL[kind]):  # probabilities of masks are large
            answers = self.outputs(batch.floats(), batch.folds)
            each = [judge_scores(kind, said, batch.labels, self.names) for said in answers]
            parts.append({name: torch.stack([one[name] for one in each]).mean(0) for name in each[0]})
            same.append(_consensus(answers, kind, spread))
        return JudgeScores({name: torch.cat([part[name] for part in parts]) for name in parts[0]}, torch.cat(same))

    def deciding_scores(self, examples: Examples) -> Scores:
        """Return the measures that a verdict hangs on."""
        scores = self.judge(examples).scores
        return {name: scores[name] for name in deciding(self.kind, self.names)}

    def doubts_by_class(self, examples: Examples) -> Tensor:
        """Return what `judge` would call ``class_doubt`` under each of K labels, with one look at the images.

        Returns:
            ``(n, K)`` nats, 0 or more.
        """
        parts = []
        for batch in examples.batches(IMAGES_PER_CALL["class"]):
            answers = self.outputs(batch.floats(), batch.folds)
            parts.append(torch.stack([-log_probabilities(said) for said in answers]).mean(0))
        return torch.cat(parts)


@without_tf32()
def ask(task: Task, images: Tensor) -> Tensor:
    """Ask one judge, as `JudgeEnsemble.outputs`."""
    kind = task.kind or "class"
    compute = task.probabilities if kind in {"class", "mask"} else task.predict
    with torch.no_grad():
        return torch.cat([compute(part.to(task.device)).cpu() for part in torch.split(images, IMAGES_PER_CALL[kind])])


def _consensus(answers: Sequence[Tensor], kind: LabelKind, spread: Tensor | None) -> Tensor:
    decided = [said.argmax(1) if kind in {"class", "mask"} else said for said in answers]
    found = torch.ones(len(decided[0]))
    for place, one in enumerate(decided):
        for other in decided[place + 1 :]:
            if kind == "objects":
                same = box_agreement(one, other)
            elif spread is not None:
                same = (1 - ((one - other).abs() / spread).mean(1)).clamp_min(0)
            else:
                same = (one == other).float().flatten(1).mean(1) if kind == "mask" else (one == other).float()
            found = torch.minimum(found, same)
    return found


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
    if kind == "class":
        drawn = drawn[labels[first[drawn]].argsort(stable=True)]
    fold_of = torch.empty(len(first), dtype=torch.int64)
    fold_of[drawn] = torch.arange(len(first)) % count
    return fold_of[clusters]
