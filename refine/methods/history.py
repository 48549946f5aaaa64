"""Past refined images for the discriminator: SimGAN's image history and CycleGAN's image pool in one class."""

from typing import Any

import torch
from torch import Tensor, nn


class HistoryBuffer(nn.Module):
    """Up to ``size`` past images, on the device of the module and in its checkpoints.

    Its memory is made when the first image comes. Every draw uses the generator that is passed in, so a step
    can be repeated. Under several processes each keeps its own; a checkpoint holds that of the first.

    Args:
        size: Images that it holds; 0 switches it off.
    """

    images: Tensor
    count: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("images", torch.empty(0))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    @property
    def fill(self) -> float:
        """The share that is filled, 0 to 1."""
        return int(self.count) / self.size if self.size else 0.0

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
        count = int(self.count)
        past = min(half, count)
        order = torch.randperm(current.shape[0], generator=generator).to(current.device)
        drawn = torch.randperm(count, generator=generator)[:past].to(current.device)
        mixed = torch.cat([current[order[: current.shape[0] - past]], self.images[drawn]]) if past else current
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
        count, batch = int(self.count), current.shape[0]
        new = min(self.size - count, batch)
        if new:
            self._store(current[:new], generator)
        exchanged = torch.rand(batch - new, generator=generator) < 0.5
        slots = torch.randperm(count, generator=generator)[: int(exchanged.sum())].to(current.device)
        which = (new + exchanged.nonzero().flatten())[: len(slots)].to(current.device)
        if len(slots) == 0:
            return current
        mixed = current.clone()
        mixed[which] = self.images[slots]
        self.images[slots] = current[which]
        return mixed

    def _store(self, images: Tensor, generator: torch.Generator) -> None:
        if self.size == 0:
            return
        if self.images.shape[1:] != images.shape[1:]:
            self.images = images.new_zeros((self.size, *images.shape[1:]))
            self.count.zero_()
        count = int(self.count)
        free = min(self.size - count, images.shape[0])
        self.images[count : count + free] = images[:free]
        self.count += free
        rest = images[free:][: self.size]
        if len(rest):
            slots = torch.randperm(count if count else self.size, generator=generator)[: len(rest)]
            self.images[slots.to(images.device)] = rest[: len(slots)]

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        stored = state_dict.get(f"{prefix}images")
        if stored is not None and stored.shape != self.images.shape:
            self.images = self.images.new_empty(stored.shape)
        super()._load_from_state_dict(state_dict, prefix, *args)
