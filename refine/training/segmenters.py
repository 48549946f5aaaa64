"""A task model of masks that draws the label maps of images that have none."""

from pathlib import Path

import torch
from torch import Tensor

from refine.devices import without_tf32
from refine.errors import InputError
from refine.methods.checkpoint import load_method, model_sha256
from refine.methods.task import Task


class TaskSegmenter:
    """The masks that a fitted task model predicts.

    Args:
        path: A task model's checkpoint or bundle.
        trust: Modules whose classes the checkpoint may name.
        device: Where it runs; images are brought there.

    Raises:
        InputError: If the file holds no task model of masks.
    """

    def __init__(self, path: Path, trust: tuple[str, ...] = (), device: torch.device | str = "cpu") -> None:
        task = load_method(path, trust)
        if not isinstance(task, Task) or not task.label_kind.per_pixel:
            holds = f"a task model of {task.kind} labels" if isinstance(task, Task) else type(task).__name__
            raise InputError(f"--segmenter {path}: holds {holds}; expected a task model of masks")
        self.path, self.device, self.task = path, torch.device(device), task.to(device)
        self.sha256 = model_sha256(path)

    @without_tf32()
    def predict(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1] to ``(B, H, W)`` int64 class ids.

        Raises:
            InputError: If the model cannot take such images.
        """
        try:
            return self.task.predict(images.to(self.device))
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError) as error:
            shape = "x".join(map(str, images.shape[1:]))
            raise InputError(
                f"--segmenter {self.path}: cannot take images of {shape} ({str(error).splitlines()[0]}); give the "
                "size that it was trained on with --size HxW"
            ) from error
