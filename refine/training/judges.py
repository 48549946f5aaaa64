"""Judges: task models that say whether an image still shows its label."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from refine.data.images import to_float, to_levels
from refine.devices import without_tf32
from refine.errors import InputError
from refine.labels import LabelKind, LabelSpace
from refine.methods.frozen_task import FrozenTask


class Judges:
    """Task models that predict together: by the mean of their probabilities, or of their values.

    Args:
        paths: Checkpoints or bundles of task models, one or more.
        trust: Modules whose classes they may name.

    Raises:
        InputError: If one cannot be loaded or holds no task model, or there are several of objects.
    """

    def __init__(self, paths: Sequence[Path], trust: tuple[str, ...] = ()) -> None:
        self.models = [FrozenTask(path, trust) for path in paths]
        if len(paths) > 1 and not all(model.task.label_kind.has_mean for model in self.models):
            raise InputError(
                f"{paths[1]}: of objects one judge is asked alone, boxes have no mean; leave out the others"
            )
        self.sha256 = [model.sha256 for model in self.models]

    @property
    def kind(self) -> LabelKind:
        """Kind of the labels that they know."""
        return self.models[0].task.label_kind

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes or targets that they know."""
        return tuple(self.models[0].task.classes or ())

    def require(self, labels: LabelSpace, where: Path, channels: int, size: tuple[int, int]) -> None:
        """Hold the judges against a dataset, and let each look at an empty image.

        Args:
            labels: Of the dataset.
            where: Its folder, to name it.
            channels: Of its images.
            size: Height and width of the images that will be judged.

        Raises:
            InputError: If the dataset has no labels or others, or a judge cannot take such images.
        """
        if not labels.is_labeled:
            raise InputError(
                f"{where}: has no labels, so there is nothing to judge; leave out --judge, or name --layout"
            )
        for model in self.models:
            model.require(labels, where)
            try:
                model.without_gradient(torch.zeros(1, channels, *size))
            except (RuntimeError, ValueError) as error:
                raise InputError(
                    f"{model.path}: cannot judge images of {channels}x{size[0]}x{size[1]} (channels x height x width): "
                    f"{str(error).splitlines()[0]}; fit the judge on such images"
                ) from error

    @torch.no_grad()
    @without_tf32()
    def predict(self, images: Tensor) -> Tensor:
        """Predict for images as files hold them: rounded to 8 bits first, so that no hidden signal counts.

        Args:
            images: ``(B, C, H, W)`` in [-1, 1], on any device.

        Returns:
            As `Task.predict`: ``(B,)`` or ``(B, H, W)`` int64 class numbers, ``(B, K)`` float32 values, or boxes.
        """
        seen = to_float(to_levels(images))
        size = seen.shape[-2], seen.shape[-1]
        estimates = [self.kind.estimate(model.without_gradient(seen).float(), size) for model in self.models]
        return self.kind.decided(torch.stack(estimates).mean(0))
