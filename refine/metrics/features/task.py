"""The features of a fitted task model."""

from typing import Protocol

import torch
from torch import Tensor

from refine.errors import InputError
from refine.metrics.exact import without_tf32


class SupportsFeatures(Protocol):
    """A task model, as far as this module is concerned."""

    def features(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1] to ``(B, D)``, of masks to ``(B, D, h, w)``."""


class TaskFeatures:
    """The features of a fitted task model; maps of features are averaged over their places.

    Args:
        task: The model, in eval mode and on ``device``.
        name: As in ``fid[name]``.
        sha256: Of its checkpoint, if it came from one.
        device: Where it runs; images are brought there.
    """

    resize = "none"
    input_range = "-1 to 1"

    def __init__(
        self, task: SupportsFeatures, name: str, sha256: str | None = None, device: torch.device | str = "cpu"
    ) -> None:
        self.task, self.name, self.sha256, self.device = task, name, sha256, torch.device(device)

    @torch.no_grad()
    @without_tf32()
    def __call__(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1] to ``(B, D)`` float32.

        Raises:
            InputError: If the model cannot take images of this size or channel count.
        """
        try:
            found = self.task.features(images.to(self.device)).float()
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError) as error:
            shape = "x".join(map(str, images.shape[1:]))
            reason = str(error).splitlines()[0]
            raise InputError(
                f"features {self.name!r}: the model cannot take images of {shape} ({reason}); "
                "give the size that it was trained on with --size HxW"
            ) from error
        return found.flatten(2).mean(dim=2) if found.ndim > 2 else found
