"""One fit of the task model: the same network, schedule, sampling and augmentation for every row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from refine.data.augment import LUMA, random_affine, randomize_appearance
from refine.data.images import to_float, to_levels
from refine.data.pairs import REAL, SYNTHETIC, generator_at, labeled_order
from refine.data.samples import Labeled, UnpairedBatch
from refine.data.store import LabeledImages
from refine.devices import without_tf32
from refine.labels import KINDS, KindName
from refine.labels.base import BatchMove
from refine.methods.frozen_task import fit_briefly
from refine.methods.self_training import SelfTraining
from refine.methods.task import Task
from refine.networks.task_networks import NetworkName

JITTER = 0.2
"""Brightness, contrast and saturation change by factors in 1 ± this, the customary mild setting. Never hue:
a color may be the label. Fixed before any figure on real images was seen."""

CHANGED_AT_ONCE = 256
"""Images."""

UNLABELED_DRAWS = 2
"""Domain of the draws of unlabeled images, as `SYNTHETIC` and `REAL` are for theirs."""


@dataclass(frozen=True)
class Protocol:
    """What all rows have in common.

    Attributes:
        steps: Training steps.
        batch_size: Images a step.
        shift: Largest random shift in pixels, each way.
        horizontal_flip: Whether mirroring keeps every label true.
        kind: Kind of the labels.
        mirror: What each target is multiplied by in a mirrored image.
        network: Task model; None takes the small one of the kind.
        width: Width of the small networks.
        learning_rate: The highest one of the schedule.
        device: Where it trains, such as ``cpu`` or ``cuda:1``.
        strong: Whether images are also changed strongly: their appearance, and, where one class is that of the whole
            image, their scale, place and angle.
    """

    steps: int
    batch_size: int
    shift: int
    horizontal_flip: bool
    kind: KindName = "class"
    mirror: tuple[int, ...] = ()
    network: NetworkName | None = None
    width: int = 16
    learning_rate: float = 3e-3
    device: str = "cpu"
    strong: bool = False

    def task(self, classes: tuple[str, ...], channels: int, seed: int, self_training: bool = False) -> Task:
        """Return the task model before its first step.

        Raises:
            InputError: If the network does not learn this kind of label.
        """
        kind_of_task = SelfTraining if self_training else Task
        return kind_of_task(
            classes=list(classes),
            channels=channels,
            width=self.width,
            learning_rate=self.learning_rate,
            steps=self.steps,
            seed=seed,
            kind=self.kind,
            network=self.network,
        )


def fit_task(
    data: LabeledImages,
    classes: tuple[str, ...],
    protocol: Protocol,
    seed: int,
    order: Sequence[int] | None = None,
    randomized: bool = False,
    unlabeled: Tensor | None = None,
    start: Task | None = None,
) -> Task:
    """Train a task model from scratch, or from the weights of another.

    Args:
        data: Labeled images; every class is drawn equally often, of other kinds of labels every image.
        classes: Names of all classes, also of those that ``data`` happens to lack; or names of the targets.
        protocol: How to train.
        seed: Seeds initial weights, sampling and augmentation.
        order: Numbers of images in ``data`` that are drawn from, those that stand twice twice as often; None: all.
        randomized: Whether the images' appearance is changed strongly, each time anew.
        unlabeled: Real images for self-training, ``(N, C, H, W)`` uint8; None: without it.
        start: A task model of the same protocol, whose weights it begins with.

    Returns:
        In eval mode on the protocol's device.
    """
    task = protocol.task(classes, data.images.shape[1], seed, unlabeled is not None)
    if start is not None:
        task.load_state_dict(start.state_dict())
    if unlabeled is not None:  # self-training makes strong changes of its own
        mild = TaskBatches(data, replace(protocol, strong=False), seed, order, randomized)
        return fit_briefly(task, PairedBatches(mild, unlabeled), protocol.device)
    return fit_briefly(task, TaskBatches(data, protocol, seed, order, randomized), protocol.device)


@without_tf32()
def predict(task: Task, images: Tensor, batch_size: int | None = None) -> Tensor:
    """Return a task model's predictions for ``(N, C, H, W)`` uint8.

    Returns:
        Classes ``(N,)`` int64, masks ``(N, H, W)`` uint8, targets ``(N, K)``, or boxes ``(N, M, 6)`` as `boxes_of`.
    """
    parts = torch.split(images, batch_size or task.label_kind.predicted_per_call)
    return task.label_kind.packed(torch.cat([task.predict(to_float(part.to(task.device))).cpu() for part in parts]))


def changed_views(images: Tensor, moved: bool) -> Tensor:
    """Return ``(N, C, H, W)`` uint8 images strongly changed, each time the same.

    Args:
        images: The images, uint8.
        moved: Whether their place and angle are changed, too, and not their appearance alone.
    """
    draws = generator_at(0, UNLABELED_DRAWS, 0)
    parts = map(to_float, torch.split(images, CHANGED_AT_ONCE))
    views = (random_affine(part, draws) if moved else part for part in parts)
    return torch.cat([to_levels(randomize_appearance(part, draws)) for part in views])


class TaskBatches(IterableDataset[Labeled]):
    """Batches of one fit, a pure function of the arguments, which are those of `fit_task`."""

    def __init__(
        self,
        data: LabeledImages,
        protocol: Protocol,
        seed: int,
        order: Sequence[int] | None = None,
        randomized: bool = False,
    ) -> None:
        self.data, self.protocol, self.seed = data, protocol, seed
        self.moved, self.randomized = protocol.strong and KINDS[protocol.kind].one_class, randomized or protocol.strong
        self.images = range(len(data.keys)) if order is None else order
        self.order = labeled_order(KINDS[protocol.kind], data.labels[list(self.images)], seed, SYNTHETIC)

    def __iter__(self) -> Iterator[Labeled]:
        size = self.protocol.batch_size
        for step in range(self.protocol.steps):
            chosen = [self.images[self.order[position]] for position in range(step * size, (step + 1) * size)]
            draws = generator_at(self.seed, REAL, step)
            images, labels = augment(self.data.images[chosen], self.data.labels[chosen], self.protocol, draws)
            if self.moved:
                images = random_affine(images, draws)
            if self.randomized:
                images = randomize_appearance(images, draws)
            yield Labeled(images, labels, [])  # Lightning walks through every key, twice


class PairedBatches(IterableDataset[UnpairedBatch]):
    """The same with as many unlabeled images, ``(N, C, H, W)`` uint8, each step."""

    def __init__(self, labeled: TaskBatches, unlabeled: Tensor) -> None:
        self.labeled, self.unlabeled = labeled, unlabeled

    def __iter__(self) -> Iterator[UnpairedBatch]:
        for step, labeled in enumerate(self.labeled):
            draws = generator_at(self.labeled.seed, UNLABELED_DRAWS, step)
            chosen = torch.randint(len(self.unlabeled), (len(labeled.label),), generator=draws)
            images, _ = _changed(self.unlabeled[chosen], self.labeled.protocol, draws)
            yield {"synthetic": labeled, "real": images}


def augment(images: Tensor, labels: Tensor, protocol: Protocol, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Shift, mirror and recolor each image of a batch by its own draw; its label goes along.

    Args:
        images: ``(B, C, H, W)`` uint8.
        labels: ``(B,)`` classes, ``(B, H, W)`` masks, ``(B, K)`` targets, or ``(B, M, 5)`` boxes as `box_rows`.
        protocol: Largest shift, whether half of the images are mirrored, and the kind of the labels. Shifts replicate
            the border and leave targets as they are.
        generator: Draws everything.

    Returns:
        ``(B, C, H, W)`` float32 in [-1, 1], and the labels.
    """
    changed, move = _changed(images, protocol, generator)
    return changed, KINDS[protocol.kind].moved(labels, move, protocol.mirror)


def _changed(images: Tensor, protocol: Protocol, generator: torch.Generator) -> tuple[Tensor, BatchMove]:
    count, _, height, width = images.shape
    down, across = torch.randint(-protocol.shift, protocol.shift + 1, (2, count, 1), generator=generator)
    rows = (torch.arange(height) + down).clamp(0, height - 1)
    columns = (torch.arange(width) + across).clamp(0, width - 1)
    mirrored = torch.zeros(count, 1, dtype=torch.bool)
    if protocol.horizontal_flip:
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    place = torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]
    moved = images.permute(0, 2, 3, 1)[place].permute(0, 3, 1, 2)
    move = BatchMove(place, down, across, mirrored, (height, width))
    return _jitter(moved.float() / 255.0, generator) * 2.0 - 1.0, move


def _jitter(levels: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness, contrast, saturation of ``(B, C, H, W)`` in [0, 1], in the manner of torchvision's ColorJitter."""
    draws = 1.0 + JITTER * (2.0 * torch.rand(3, len(levels), 1, 1, 1, generator=generator) - 1.0)
    brightness, contrast, saturation = draws
    levels = (levels * brightness).clamp(0.0, 1.0)
    mean = _luma(levels).mean(dim=(1, 2, 3), keepdim=True)
    levels = (mean + contrast * (levels - mean)).clamp(0.0, 1.0)
    if levels.shape[1] == 3:
        luma = _luma(levels)
        levels = (luma + saturation * (levels - luma)).clamp(0.0, 1.0)
    return levels


def _luma(levels: Tensor) -> Tensor:
    if levels.shape[1] == 1:
        return levels
    return (levels * levels.new_tensor(LUMA)[:, None, None]).sum(dim=1, keepdim=True)
