"""What the rows of the digits table are made of: the two datasets, fits on them, and translations of them."""

import logging
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from lightning.pytorch import Callback, LightningDataModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from refine.data.images import resize_levels, to_float, to_levels
from refine.data.pairs import REAL, SYNTHETIC, Shuffled
from refine.data.samples import Labeled, UnpairedBatch
from refine.errors import InputError
from refine.labels import LabelSpace
from refine.methods.base import Method
from refine.methods.checkpoint import read_checkpoint
from refine.methods.task import Task
from refine.methods.translator import Translator
from refine.training.checkpoints import Checkpoints
from refine.training.steps import StopAfterSteps

Name = Literal["mnist", "usps"]
SIDE = 28
"""MNIST's own; USPS (16 pixels) is enlarged to it, as published: its digits then fill the image, MNIST's do not."""
CLASSES = [str(digit) for digit in range(10)]
SAVE_EVERY = 250


class Digits(NamedTuple):
    """One split of one dataset."""

    images: Tensor
    """``(N, 1, 28, 28)`` uint8, bright on black."""
    labels: Tensor
    """``(N,)`` int64."""


def load(folder: Path, name: Name, split: Literal["train", "test"]) -> Digits:
    """A split from ``FOLDER/NAME/NAME.npz`` (arrays x_train, y_train, x_test, y_test).

    Raises:
        InputError: If the file is missing or holds something else.
    """
    path = folder / name / f"{name}.npz"
    if not path.is_file():
        raise InputError(f"{path}: not there; put the complete {name.upper()} there as arrays x_train, y_train, …")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
    except (KeyError, ValueError, OSError) as error:
        raise InputError(f"{path}: expected arrays x_{split} and y_{split} ({error})") from error
    resized = torch.stack([resize_levels(image, (SIDE, SIDE)) for image in torch.from_numpy(images)[:, None]])
    return Digits(resized, torch.from_numpy(labels).to(torch.int64))


class Pairs(LightningDataModule):
    """Endless batches of labeled source digits beside target digits whose labels nobody reads.

    A batch is a function of the seed and its step, so that a run goes on where it stopped.
    """

    label_space = LabelSpace("class", tuple(CLASSES))
    working_size = None  # the networks see the digits as they are
    training_size = (SIDE, SIDE)
    synthetic = Path("the source's digits")

    def __init__(self, source: Digits, target: Tensor, batch_size: int, seed: int) -> None:
        super().__init__()
        self.source, self.target = source, target
        self.batch_size, self.seed = batch_size, seed

    def train_dataloader(self) -> DataLoader[UnpairedBatch]:
        """From the step on at which the method stopped."""
        method = self.trainer.lightning_module if self.trainer else None
        start = method.steps_done if isinstance(method, Method) else 0
        return DataLoader(_Batches(self, start), batch_size=None)


class _Batches(IterableDataset[UnpairedBatch]):
    def __init__(self, pairs: Pairs, start: int) -> None:
        self.pairs, self.start = pairs, start
        self.source_order = Shuffled(len(pairs.source.images), pairs.seed, SYNTHETIC)
        self.target_order = Shuffled(len(pairs.target), pairs.seed, REAL)

    def __iter__(self) -> Iterator[UnpairedBatch]:
        pairs, position = self.pairs, self.start * self.pairs.batch_size
        while True:
            positions = range(position, position := position + pairs.batch_size)
            source = [self.source_order[at] for at in positions]
            target = [self.target_order[at] for at in positions]
            images = to_float(pairs.source.images[source])
            yield {
                "synthetic": Labeled(images, pairs.source.labels[source], []),
                "real": to_float(pairs.target[target]),
            }


class OutOfTime(Exception):
    """The time that was given is over; what was reached is saved."""


class _StopAt(Callback):
    """Ends a fit after the step during which a moment passed; it keeps no state, so that each piece has its own."""

    def __init__(self, until: float | None) -> None:
        self.until = until

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Look at the clock."""
        if self.until is not None and time.time() >= self.until:
            trainer.should_stop = True


def fit(method: Method, data: Pairs, folder: Path, until: float | None = None) -> None:
    """Train a method, or go on with it, until ``FOLDER/last.ckpt`` holds the finished one.

    Args:
        method: Fresh; the checkpoint's state is taken where there is one.
        data: Its batches.
        folder: Where the checkpoint is kept.
        until: When to stop, in seconds of `time.time`; None when it is finished.

    Raises:
        OutOfTime: If it is not finished by then; at least a step was done, it is saved, and the next call goes on.
    """
    last = folder / "last.ckpt"
    steps_done = read_checkpoint(last)["refine"]["steps_done"] if last.exists() else 0
    # What is finished is not written once more: `apply` takes another file for another model.
    writing = [Checkpoints(SAVE_EVERY)] if steps_done < method.steps else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        folder.mkdir(parents=True, exist_ok=True)
        trainer = Trainer(
            accelerator="auto",
            devices=1,
            max_epochs=-1,
            default_root_dir=folder,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            callbacks=[*writing, StopAfterSteps(), _StopAt(until)],
        )
        trainer.fit(method, datamodule=data, ckpt_path=last if last.exists() else None, weights_only=True)
    if method.steps_done < method.steps:
        raise OutOfTime
    method.eval()


@torch.no_grad()
def translate(translator: Translator, images: Tensor, batch_size: int = 256) -> Tensor:
    """Refined digits ``(N, 1, 28, 28)`` uint8: what a refined dataset on disk would hold."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    translator.eval().to(device)
    parts = torch.split(images, batch_size)
    return torch.cat([to_levels(translator.refine(to_float(part.to(device)))).cpu() for part in parts])


def accuracy(task: Task, digits: Digits, batch_size: int = 1000) -> float:
    """Share of a split that the task model reads rightly, in percent."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    task.eval().to(device)
    right = 0
    for images, labels in zip(
        torch.split(digits.images, batch_size), torch.split(digits.labels, batch_size), strict=True
    ):
        right += int((task.predict(to_float(images.to(device))).cpu() == labels).sum())
    return 100.0 * right / len(digits.labels)
