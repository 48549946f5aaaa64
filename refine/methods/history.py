"""Past refined images for the discriminator: SimGAN's image history and CycleGAN's image pool in one class."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

PRECISIONS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Types of images: those that a run can have."""


class HistoryBuffer(nn.Module):
    """Up to ``size`` past images, on the device of the module and in its checkpoints.

    Its memory is made when the first image comes. Every draw uses the generator that is passed in, so a step
    can be repeated. The images are a plain tensor and not a buffer of the module: DDP overwrites buffers with those
    of the first process, and each process keeps a history of its own (see `Method.process_prefixes`).

    Args:
        size: Number of images that it holds; 0 switches it off.
    """

    images: Tensor
    """``(size, C, H, W)``, or ``(0,)`` before the first image."""
    count: int
    """Number of images that are stored, a Python integer: reading a tensor would wait for the device at each step."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.images = torch.empty(0)
        self.count = 0

    @property
    def fill(self) -> float:
        """The share that is filled, 0 to 1."""
        return self.count / self.size if self.size else 0.0

    def mix(self, current: Tensor, generator: torch.Generator) -> Tensor:
        """SimGAN: replace half of a batch by past images, then store half of the batch over random entries.

        While fewer than half a batch is stored, as many as there are. Nothing is replaced in the first call.

        Args:
            current: ``(B, C, H, W)`` refined images without gradient.
            generator: A CPU generator.

        Returns:
            ``(B, C, H, W)``: current images, then past ones.

        Source:
            SimGAN, arXiv 1612.07828, section 2.3.
        """
        half = current.shape[0] // 2
        past = min(half, self.count)
        order = _on(current, torch.randperm(current.shape[0], generator=generator))
        drawn = _on(current, torch.randperm(self.count, generator=generator)[:past])
        mixed = (
            torch.cat([current[order[: current.shape[0] - past]], self.images[drawn].to(current.dtype)])
            if past
            else current
        )
        self._store(current[order[: max(half, 1)]], generator)
        return mixed

    def swap(self, current: Tensor, generator: torch.Generator) -> Tensor:
        """CycleGAN: once full, each image is with probability one half exchanged for a random stored one.

        Args:
            current: ``(B, C, H, W)`` refined images without gradient.
            generator: A CPU generator.

        Returns:
            ``(B, C, H, W)``; ``current`` itself while the buffer fills.

        Source:
            CycleGAN, arXiv 1703.10593, section 4 (training details).
        """
        count, batch = self.count, current.shape[0]
        new = min(self.size - count, batch)
        if new:
            self._store(current[:new], generator)
        exchanged = (torch.rand(batch - new, generator=generator) < 0.5).nonzero().flatten()  # on the CPU
        slots = torch.randperm(count, generator=generator)[: len(exchanged)]
        if len(slots) == 0:
            return current
        which, slots = _on(current, (new + exchanged)[: len(slots)]), _on(current, slots)
        mixed = current.clone()
        mixed[which] = self.images[slots]
        self.images[slots] = current[which]
        return mixed

    def _store(self, images: Tensor, generator: torch.Generator) -> None:
        if self.size == 0:
            return
        if self.images.shape[1:] != images.shape[1:]:
            self.images = images.new_zeros((self.size, *images.shape[1:]))
            self.count = 0
        count = self.count
        free = min(self.size - count, images.shape[0])
        self.images[count : count + free] = images[:free]
        self.count += free
        rest = images[free:][: self.size]
        if len(rest):
            slots = torch.randperm(count if count else self.size, generator=generator)[: len(rest)]
            self.images[_on(images, slots)] = rest[: len(slots)]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "HistoryBuffer":
        """Move the images with the module."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch gives it no types
        if self.images.numel():
            self.images = fn(self.images)
        return self

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}images"] = self.images
        destination[f"{prefix}count"] = torch.tensor(self.count)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], strict: bool, *lists: Any
    ) -> None:
        missing, _, errors = lists
        images, count = f"{prefix}images", f"{prefix}count"
        if absent := [name for name in (images, count) if name not in state_dict]:
            missing.extend(absent)
            return
        held, number = state_dict[images], int(state_dict[count])
        if held.numel() and (held.ndim != 4 or len(held) != self.size or held.dtype not in PRECISIONS):
            errors.append(f"{images} is {tuple(held.shape)} of {held.dtype}, expected {self.size} images of fractions")
        elif not bool(torch.isfinite(held).all()):
            errors.append(f"{images} holds values that are not finite")
        elif not 0 <= number <= (self.size if held.numel() else 0):
            errors.append(f"{count} is {number}, and there are {len(held)} images")
        else:
            self.images, self.count = held.detach().clone().to(self.images.device), number


def _on(images: Tensor, indices: Tensor) -> Tensor:
    """Indices on the device of some images; without waiting for what the device still has to do."""
    return indices.to(images.device, non_blocking=True)
