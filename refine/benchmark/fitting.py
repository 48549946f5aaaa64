"""One fit of the task model: the same network, schedule, sampling and augmentation for every row."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from lightning.pytorch import Trainer
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from refine.benchmark.labeled_images import LabeledImages
from refine.data.images import to_float
from refine.data.positions import REAL, SYNTHETIC, ClassBalanced, Shuffled, generator_at
from refine.data.samples import Labeled
from refine.labels import LabelKind
from refine.methods.task import Task

JITTER = 0.2
"""Brightness, contrast and saturation change by factors in 1 ± this, the customary mild setting. Never hue:
a color may be the label. Fixed before any figure on real images was seen."""

GRAY = (0.299, 0.587, 0.114)
"""Weights of luma, ITU-R BT.601."""


@dataclass(frozen=True)
class Protocol:
    """What all rows have in common.

    Attributes:
        steps: Training steps.
        batch_size: Images a step.
        shift: Largest random shift in pixels, each way.
        horizontal_flip: Whether mirroring keeps every label true.
    """

    steps: int
    batch_size: int
    shift: int
    horizontal_flip: bool


def fit_task(data: LabeledImages, classes: tuple[str, ...], protocol: Protocol, seed: int) -> Task:
    """Train a task model from scratch.

    Args:
        data: Labeled images; every class that there is comes equally often, or, of masks, every image.
        classes: All names, also of classes that ``data`` happens to lack.
        protocol: How.
        seed: Seeds initial weights, sampling and augmentation.

    Returns:
        In eval mode on the CPU.
    """
    kind: LabelKind = "mask" if data.labels.ndim == 3 else "class"
    task = Task(list(classes), channels=data.images.shape[1], steps=protocol.steps, seed=seed, kind=kind)
    with _quiet(), _one_thread():
        trainer = Trainer(
            accelerator="auto",
            devices=1,
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(task, DataLoader(_Batches(data, protocol, seed), batch_size=None))
    return task.cpu().eval()


def predict(task: Task, images: Tensor, batch_size: int = 256) -> Tensor:
    """Classes ``(N,)``, or masks ``(N, H, W)`` uint8, of ``(N, C, H, W)`` uint8."""
    if task.kind == "mask":
        with _one_thread():
            return torch.cat([task.predict(to_float(batch)).to(torch.uint8) for batch in torch.split(images, 4)])
    with _one_thread():
        return torch.cat([task.predict(to_float(batch)) for batch in torch.split(images, batch_size)])


def augment(
    images: Tensor, labels: Tensor, shift: int, horizontal_flip: bool, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Shift, mirror and recolor each image of a batch by its own draw; its mask moves with it.

    Args:
        images: ``(B, C, H, W)`` uint8.
        labels: ``(B,)`` classes, which stay, or ``(B, H, W)`` masks.
        shift: Up to so many pixels each way; the border is replicated.
        horizontal_flip: Mirror half of the images.
        generator: Draws everything.

    Returns:
        ``(B, C, H, W)`` float32 in [-1, 1], and the labels.
    """
    count, _, height, width = images.shape
    down, across = torch.randint(-shift, shift + 1, (2, count, 1), generator=generator)
    rows = (torch.arange(height) + down).clamp(0, height - 1)
    columns = (torch.arange(width) + across).clamp(0, width - 1)
    if horizontal_flip:
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    each = torch.arange(count)[:, None, None]
    place = each, rows[:, :, None], columns[:, None, :]
    moved = images.permute(0, 2, 3, 1)[place].permute(0, 3, 1, 2)
    labels = labels[place] if labels.ndim == 3 else labels
    return _jitter(moved.float() / 255.0, generator) * 2.0 - 1.0, labels


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
    return (levels * levels.new_tensor(GRAY)[:, None, None]).sum(dim=1, keepdim=True)


class _Batches(IterableDataset[Labeled]):
    """The batches of one fit: a pure function of data, protocol and seed."""

    def __init__(self, data: LabeledImages, protocol: Protocol, seed: int) -> None:
        self.data, self.protocol, self.seed = data, protocol, seed
        self.order: ClassBalanced | Shuffled
        if data.labels.ndim == 1:
            self.order = ClassBalanced(data.labels.tolist(), seed, SYNTHETIC)
        else:
            self.order = Shuffled(len(data.labels), seed, SYNTHETIC)

    def __iter__(self) -> Iterator[Labeled]:
        size = self.protocol.batch_size
        for step in range(self.protocol.steps):
            chosen = [self.order[position] for position in range(step * size, (step + 1) * size)]
            draws = generator_at(self.seed, REAL, step)
            images, labels = augment(
                self.data.images[chosen],
                self.data.labels[chosen],
                self.protocol.shift,
                self.protocol.horizontal_flip,
                draws,
            )
            yield Labeled(images, labels, [])  # Lightning walks through every key, twice


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums then have one order whatever the machine's cores; and so small a network gains little from two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what Lightning says of each of dozens of short fits."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
