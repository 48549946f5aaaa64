"""A task model that another method asks and never trains: its checkpoint, loaded when training starts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from refine.data.layouts.base import LabelSpace
from refine.errors import InputError
from refine.files import cut
from refine.methods.checkpoint import load_method, model_sha256
from refine.methods.task import Task


class FrozenTask:
    """f_S of CyCADA: it gives gradients to images, and has none itself. No module: it is in nobody's checkpoint.

    Args:
        path: A task model's checkpoint or bundle.
        trust: Modules whose classes the file may name.

    Raises:
        InputError: If the file holds no task model.
    """

    def __init__(self, path: Path, trust: tuple[str, ...] = ()) -> None:
        loaded = load_method(path, trust)
        if not isinstance(loaded, Task):
            raise InputError(
                f"{path}: holds {type(loaded).__name__}; name the checkpoint of a task model, as "
                "`refine fit -c models/task.yaml` writes it"
            )
        self.path = path
        self.task = loaded.eval().requires_grad_(False)
        self.sha256 = model_sha256(path)

    def __call__(self, images: Tensor) -> Tensor:
        """The task model's outputs for ``(B, C, H, W)`` in [-1, 1]; gradients reach the images."""
        self.task.to(images.device)  # no part of the method, so nobody else moves it
        outputs: Tensor = self.task(images)
        return outputs

    @torch.no_grad()
    def without_gradient(self, images: Tensor) -> Tensor:
        """The same, as a constant."""
        return self(images)

    def require_same(self, sha256: str | None) -> None:
        """Hold the file against the one that a run began with.

        Raises:
            InputError: If it is another one.
        """
        if sha256 != self.sha256:
            raise InputError(
                f"{self.path}: not the task model that this run began with (sha256 {sha256}); a run goes on "
                "with the file that it began with"
            )

    def require(self, labels: LabelSpace, where: Path) -> None:
        """Hold the task model's labels against a dataset's.

        Raises:
            InputError: If they are of another kind, or other names in another order.
        """
        if not labels.is_labeled:
            return
        names = list(self.task.classes or [])
        if labels.kind != self.task.kind or list(labels.names) != names:
            raise InputError(
                f"{self.path}: the task model knows {self.task.kind} labels {', '.join(names)}, but {where} has "
                f"{labels.kind} labels {', '.join(labels.names)}; fit the task model on this dataset"
            )


def stored_sha256(state: Mapping[str, Any], name: str) -> str | None:
    """The digest of a task model that a checkpoint names; None where it was trained without one.

    Raises:
        ValueError: If it is something else.
    """
    digest = state[name]
    if digest is not None and not (isinstance(digest, str) and len(digest) == 64):
        raise ValueError(f"{name} is {cut(repr(digest))}, expected 64 digits")
    return digest
