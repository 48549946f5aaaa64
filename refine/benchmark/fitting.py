"""One fit of the task model: the same network, schedule, sampling and augmentation for every row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from refine.benchmark.augmentation import augment
from refine.data.augment import randomize_appearance
from refine.data.images import to_float
from refine.data.labeled_images import LabeledImages
from refine.data.pairs import REAL, SYNTHETIC, ClassBalanced, Shuffled, generator_at
from refine.data.samples import Labeled
from refine.labels import LabelKind
from refine.methods.short_fit import fit_briefly
from refine.methods.task import Task
from refine.metrics.exact import without_tf32
from refine.networks.task_networks import NetworkName

BATCH: dict[LabelKind, int] = {"class": 256, "mask": 4, "targets": 256, "objects": 16}
"""Images that are predicted at once."""


@dataclass(frozen=True)
class Protocol:
    """What all rows have in common.

    Attributes:
        steps: Training steps.
        batch_size: Images a step.
        shift: Largest random shift in pixels, each way.
        horizontal_flip: Whether mirroring keeps every label true.
        kind: Of the labels.
        mirror: Of targets: what each is multiplied by in a mirrored image.
        network: Of the task model; None takes the small one of the kind.
        width: Of the small networks.
        learning_rate: The highest one of the schedule.
        device: Where it trains, such as ``cpu`` or ``cuda:1``.
    """

    steps: int
    batch_size: int
    shift: int
    horizontal_flip: bool
    kind: LabelKind = "class"
    mirror: tuple[int, ...] = ()
    network: NetworkName | None = None
    width: int = 16
    learning_rate: float = 3e-3
    device: str = "cpu"

    def task(self, classes: tuple[str, ...], channels: int, seed: int) -> Task:
        """The task model before its first step.

        Raises:
            InputError: If the network does not learn this kind of label.
        """
        return Task(
            list(classes),
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
) -> Task:
    """Train a task model from scratch.

    Args:
        data: Labeled images; of classes, every one that there is comes equally often, else every image.
        classes: All names, also of classes that ``data`` happens to lack; or names of the targets.
        protocol: How.
        seed: Seeds initial weights, sampling and augmentation.
        order: Numbers of images in ``data`` that are drawn from, those that stand twice twice as often; None: all.
        randomized: Whether the images' appearance is changed strongly, each time anew.

    Returns:
        In eval mode on the protocol's device.
    """
    task = protocol.task(classes, data.images.shape[1], seed)
    batches = _Batches(data, protocol, seed, order, randomized)
    return fit_briefly(task, batches, protocol.device)


@without_tf32()
def predict(task: Task, images: Tensor, batch_size: int | None = None) -> Tensor:
    """What a task model says of ``(N, C, H, W)`` uint8.

    Returns:
        Classes ``(N,)`` int64, masks ``(N, H, W)`` uint8, targets ``(N, K)``, or boxes ``(N, M, 6)`` as `boxes_of`.
    """
    parts = torch.split(images, batch_size or BATCH[task.kind or "class"])
    found = torch.cat([task.predict(to_float(part.to(task.device))).cpu() for part in parts])
    return found.to(torch.uint8) if task.kind == "mask" else found


class _Batches(IterableDataset[Labeled]):
    """The batches of one fit: a pure function of data, protocol and seed."""

    def __init__(
        self,
        data: LabeledImages,
        protocol: Protocol,
        seed: int,
        order: Sequence[int] | None = None,
        randomized: bool = False,
    ) -> None:
        self.data, self.protocol, self.seed, self.randomized = data, protocol, seed, randomized
        self.images = range(len(data.keys)) if order is None else order
        self.order: ClassBalanced | Shuffled
        if protocol.kind == "class":
            self.order = ClassBalanced(data.labels[list(self.images)].tolist(), seed, SYNTHETIC)
        else:
            self.order = Shuffled(len(self.images), seed, SYNTHETIC)

    def __iter__(self) -> Iterator[Labeled]:
        protocol, size = self.protocol, self.protocol.batch_size
        for step in range(protocol.steps):
            chosen = [self.images[self.order[position]] for position in range(step * size, (step + 1) * size)]
            draws = generator_at(self.seed, REAL, step)
            images, labels = augment(
                self.data.images[chosen],
                self.data.labels[chosen],
                protocol.shift,
                protocol.horizontal_flip,
                draws,
                protocol.kind,
                protocol.mirror,
            )
            if self.randomized:
                images = randomize_appearance(images, draws)
            yield Labeled(images, labels, [])  # Lightning walks through every key, twice
