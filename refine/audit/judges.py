"""Judges: task models of two architectures, none of which ever saw the image that it judges."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from refine.audit.measures import log_probabilities, suspicion
from refine.audit.randomization import JudgeBatches
from refine.audit.trained import TrainedJudges
from refine.data.images import to_float
from refine.data.labeled_images import LabeledImages
from refine.errors import InputError
from refine.labels import LabelKind
from refine.methods.short_fit import fit_briefly
from refine.methods.task import Task
from refine.metrics.agreement import box_agreement
from refine.metrics.exact import without_tf32
from refine.metrics.intervals import cluster_numbers
from refine.networks.task_networks import NetworkName
from refine.progress import counted

NETWORKS: dict[LabelKind, tuple[NetworkName, ...]] = {
    "class": ("lenet", "small-cnn"),
    "mask": ("unet", "lraspp"),
    "targets": ("small-regressor", "small-regressor"),
    "objects": ("small-detector", "small-detector"),
}
"""Architectures of the judges by the kind of label; of one that stands twice, two are trained apart, which is weaker:
others are too slow without a GPU (`--networks small-regressor resnet18`)."""
WIDTH: dict[NetworkName, int] = {"small-cnn": 32, "small-detector": 32}
"""Of small networks that need more than their usual 16: judges see harder images than other models."""
LEARNING_RATE: dict[NetworkName, float] = {"lenet": 2e-3, "resnet18": 1e-3, "lraspp": 2e-3}
"""The highest; others take `Task`'s."""
AT_ONCE: dict[LabelKind, int] = {"class": 512, "mask": 8, "targets": 256, "objects": 16}
"""Images a call."""

DECIDING: dict[LabelKind, tuple[str, ...]] = {
    "class": ("class_doubt",),
    "mask": ("worst_region_doubt", "boundary_95_pixels"),
    "targets": (),
    "objects": ("object_doubt", "box_overlap_deficit", "objects_appeared"),
}
"""Measures of `suspicion` that a verdict hangs on. Of targets: the angle, or each target's error."""


class Member(NamedTuple):
    """One trained judge."""

    network: str
    fold: int
    """It never saw the images of this fold; -1: it saw none of the images at all."""
    task: Task


class Judges(NamedTuple):
    """A family of judges that were trained in the same way."""

    name: str
    members: tuple[Member, ...]

    def answers(self, images: Tensor, folds: Tensor) -> list[Tensor]:
        """What each architecture says of each image, by the judge that never saw it.

        Args:
            images: ``(N, C, H, W)`` in [-1, 1].
            folds: ``(N,)`` the fold of the picture that each image shows.

        Returns:
            For each architecture probabilities ``(N, K)`` or ``(N, K, H, W)``, targets ``(N, K)``, or boxes
            ``(N, M, 6)``.
        """
        found: list[Tensor] = []
        for network in dict.fromkeys(member.network for member in self.members):
            said: Tensor | None = None
            for member in self.members:
                if member.network != network:
                    continue
                mine = torch.arange(len(images)) if member.fold < 0 else (folds == member.fold).nonzero()[:, 0]
                if len(mine):
                    part = answer(member.task, images[mine])
                    said = part.new_zeros(len(images), *part.shape[1:]) if said is None else said
                    said[mine] = part
            if said is not None:
                found.append(said)
        return found


@without_tf32()
def answer(task: Task, images: Tensor) -> Tensor:
    """One judge's answers, as `Judges.answers`."""
    kind = task.kind or "class"
    ask = task.probabilities if kind in {"class", "mask"} else task.predict
    with torch.no_grad():
        return torch.cat([ask(part.to(task.device)).cpu() for part in torch.split(images, AT_ONCE[kind])])


def deciding(kind: LabelKind, names: Sequence[str]) -> tuple[str, ...]:
    """Names of the measures that a verdict hangs on."""
    if kind != "targets":
        return DECIDING[kind]
    return ("angle_degrees",) if set(names) == {"pitch", "yaw"} else tuple(f"error_{name}" for name in names)


class Judged(NamedTuple):
    """What a family says of N images."""

    scores: dict[str, Tensor]
    """Each measure of `suspicion`, ``(N,)``, in the mean over the architectures."""
    consensus: Tensor
    """``(N,)`` in [0, 1]: how far the architectures say the same, whatever the label; 1 with one alone."""


def judge(
    judges: Judges, images: Tensor, folds: Tensor, labels: Tensor, kind: LabelKind, names: Sequence[str]
) -> Judged:
    """Hold images against labels.

    Args:
        judges: The family.
        images: ``(N, C, H, W)`` in [-1, 1], or uint8.
        folds: ``(N,)`` the fold of the picture that each image shows.
        labels: ``(N, ...)``: what the images are said to show.
        kind: Of the labels.
        names: Of the classes or targets.

    Source:
        Of the consensus: Jiang et al. 2022, Assessing generalization via disagreement, arXiv 2106.13799: models that
        were trained apart disagree about as often as each of them errs.
    """
    parts, same = [], []
    chunks = (torch.split(whole, AT_ONCE[kind]) for whole in (images, folds, labels))
    for pictures, fold, label in zip(*chunks, strict=True):  # a batch at a time: probabilities of masks are large
        answers = judges.answers(to_float(pictures) if pictures.dtype == torch.uint8 else pictures, fold)
        each = [suspicion(kind, said, label, names) for said in answers]
        parts.append({name: torch.stack([one[name] for one in each]).mean(0) for name in each[0]})
        same.append(_consensus(answers, kind, _spread(labels) if kind == "targets" else None))
    return Judged({name: torch.cat([part[name] for part in parts]) for name in parts[0]}, torch.cat(same))


def doubts_by_class(judges: Judges, images: Tensor, folds: Tensor) -> Tensor:
    """What `judge` would call ``class_doubt`` under each label, with one look at the images.

    Args:
        judges: Judges of classes.
        images: ``(N, C, H, W)`` uint8.
        folds: ``(N,)`` the fold of the picture that each image shows.

    Returns:
        ``(N, K)`` nats, 0 or more.
    """
    parts = []
    for pictures, fold in zip(*(torch.split(whole, AT_ONCE["class"]) for whole in (images, folds)), strict=True):
        answers = judges.answers(to_float(pictures), fold)
        parts.append(torch.stack([-log_probabilities(said) for said in answers]).mean(0))
    return torch.cat(parts)


def _spread(labels: Tensor) -> Tensor:
    return (labels - labels.mean(0)).abs().mean(0).clamp_min(torch.finfo(labels.dtype).tiny)


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


def train_judges(
    name: str,
    sources: tuple[Tensor, ...],
    labels: Tensor,
    folds: Tensor,
    kind: LabelKind,
    names: Sequence[str],
    networks: Sequence[NetworkName],
    steps: int,
    batch_size: int,
    seed: int,
    output: Path | None = None,
    strength: float = 1.0,
    device: str = "cpu",
) -> Judges:
    """For each fold and architecture a judge that is trained on the other folds.

    Args:
        name: Of the family.
        sources: ``(N, C, H, W)`` uint8 each: images that show these labels.
        labels: ``(N, ...)``, as `LabeledImages.labels`.
        folds: ``(N,)`` numbers from 0 on.
        kind: Of the labels.
        names: Of the classes or targets.
        networks: Architectures.
        steps: Of each training.
        batch_size: Images a step.
        seed: Of initial weights, sampling and randomization.
        output: Of the audit: each judge is kept there until the audit is finished, and those of one that was stopped
            are taken. None: nothing is kept.
        strength: Of the changes that images are trained under.
        device: Where they are trained, and stay.

    Raises:
        InputError: If the images outside a fold lack a class.
    """
    untrained, batches = [], []
    for fold in range(int(folds.max()) + 1):
        chosen = (folds != fold).nonzero()[:, 0].tolist()
        if kind == "class" and set(labels[chosen].tolist()) != set(labels.tolist()):
            raise InputError("a class has too few images to be judged by models that never saw them; leave it out")
        for place, network in enumerate(networks):
            task = Task(
                list(names),
                channels=sources[0].shape[1],
                width=WIDTH.get(network, 16),
                learning_rate=LEARNING_RATE.get(network, 3e-3),
                steps=steps,
                seed=seed * 1000 + fold * 10 + place,
                kind=kind,
                network=network,
            )
            untrained.append(Member(f"{network}-{place}", fold, task))
            batches.append(JudgeBatches(sources, labels, chosen, kind, batch_size, steps, task.seed, strength))
    kept = TrainedJudges(output)
    learned = {
        "images": [LabeledImages(images, labels, ()).digest() for images in sources],
        "folds": folds.tolist(),
        "batch_size": batch_size,
        "strength": strength,
        "device": torch.device(device).type,
    }
    places = [kept.place(member.task, learned) for member in untrained]
    found = [kept.load(place) for place in places]
    done = sum(task is not None for task in found)
    if done:
        print(f"{done} of {len(found)} {name} judges were trained before")
    members = []
    with counted(steps * len(found), f"training {name} judges", steps * done, "steps") as advance:
        for member, examples, path, before in zip(untrained, batches, places, found, strict=True):
            task = before or fit_briefly(member.task, examples, device, advance)
            if before is None:
                kept.save(path, task)
            members.append(member._replace(task=task.to(torch.device(device))))
    return Judges(name, tuple(members))


def in_folds(labels: Tensor, kind: LabelKind, count: int, seed: int, clusters: Tensor) -> Tensor:
    """``(N,)`` fold numbers: whole clusters at random, of classes each class spread evenly.

    Args:
        labels: ``(N, ...)``.
        kind: Of them.
        count: How many folds.
        seed: Of the draw.
        clusters: ``(N,)`` numbers; images of one cluster stay together.
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
