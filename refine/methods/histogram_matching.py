"""Histogram matching (Gonzalez & Woods, Digital Image Processing, histogram specification)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from refine.methods.training_free import Side, Statistics, TrainingFree

LEVELS = 256


class HistogramMatching(TrainingFree):
    """Gives synthetic images the real ones' histogram of levels in each channel. No training.

    The histograms are over all pixels of all images of a side, so every image is changed by the same monotone
    map of levels, one for each channel of RGB. Values between two levels are mapped between their images, so
    that 16-bit images keep their depth; so are values between the levels that occur. Values beyond the darkest
    and the brightest synthetic level keep their distance to it.

    A level that many pixels share lies in the middle of its share, not at its upper end as in the book: a side
    of one level then goes to the other side's median and not to its brightest, and the map of the negatives is
    the negative of the map.

    Args:
        channels: 1 (gray) or 3 (RGB).
        steps: Batches that are counted when it is fitted through `refine fit`.
        seed: Without effect: nothing here is random.

    Source:
        Gonzalez & Woods, Digital Image Processing, "Histogram Matching (Specification)". Middle of the share:
        the mid-distribution function (Parzen, Statistical Science 19, 2004).
    """

    channels: int = 3
    steps: int = 100
    seed: int = 0

    def build(self) -> None:
        """Make empty sums of both sides."""
        super().build()
        self.synthetic = LevelCounts(self.channels)
        self.real = LevelCounts(self.channels)

    def statistics(self) -> Mapping[Side, "LevelCounts"]:
        """Return the counts of both sides."""
        return {"synthetic": self.synthetic, "real": self.real}

    def lookup(self) -> Tensor:
        """Where each synthetic level goes: ``(channels, 256)`` float64 levels, rising; at the ends beyond 0 … 255.

        Raises:
            InputError: If one side was never counted.
        """
        self.require_statistics()
        sides = zip(self.synthetic.levels, self.real.levels, strict=True)
        return torch.stack([matching_map(synthetic, real) for synthetic, real in sides])

    def forward(self, images: Tensor) -> Tensor:
        """Synthetic to refined, ``(B, channels, H, W)`` in [-1, 1]; `refine` clips what goes beyond.

        Raises:
            InputError: If one side was never counted.
        """
        table = self.lookup().float()
        levels = _to_levels(images)
        below = levels.floor().clamp_max(LEVELS - 2)
        channel = torch.arange(self.channels, device=images.device)[:, None, None]
        index = below.long()
        low, high = table[channel, index], table[channel, index + 1]
        matched = low + (levels - below) * (high - low)
        return (matched / (LEVELS - 1) * 2.0 - 1.0).to(images.dtype)


class LevelCounts(Statistics):
    """Number of pixels at each of 256 levels, by channel; `count` is the number of pixels."""

    levels: Tensor
    """``(channels, 256)`` int64."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.register_buffer("levels", torch.zeros(channels, LEVELS, dtype=torch.int64))

    def of(self, images: Tensor) -> Mapping[str, Tensor]:
        """Pixels, and pixels of each level; a value between two levels counts to the nearer."""
        nearest = _to_levels(images).round().long().transpose(0, 1).flatten(1)
        # Not `torch.bincount`: on a GPU it waits for the largest level.
        levels = torch.zeros_like(self.levels).scatter_add_(1, nearest, torch.ones_like(nearest))
        return {"count": self.count.new_full((), nearest.shape[1]), "levels": levels}


def matching_map(synthetic: Tensor, real: Tensor) -> Tensor:
    """The map from the levels of one histogram to those of another.

    Args:
        synthetic: ``(K,)`` pixels of each level, not all zero.
        real: The same.

    Returns:
        ``(K,)`` float64, rising: the real level at the same place of the cumulative histogram.
    """
    source, target = synthetic.nonzero().flatten(), real.nonzero().flatten()
    matched = _interpolate(_place(synthetic)[source], _place(real)[target], target.double())
    every = torch.arange(len(synthetic), dtype=torch.float64, device=synthetic.device)
    beyond = every - every.clamp(source[0].item(), source[-1].item())
    return _interpolate(every, source.double(), matched) + beyond


def _place(counts: Tensor) -> Tensor:
    """Each level's place in the cumulative histogram, 0 to 1: the middle of its own share."""
    counts = counts.double()
    return (counts.cumsum(0) - counts / 2.0) / counts.sum()


def _interpolate(at: Tensor, places: Tensor, values: Tensor) -> Tensor:
    """Piecewise linear through ``(places, values)``, places strictly rising; constant beyond the ends."""
    if len(places) == 1:
        return values.expand(len(at))
    right = torch.searchsorted(places, at.contiguous()).clamp(1, len(places) - 1)
    left = right - 1
    share = ((at - places[left]) / (places[right] - places[left])).clamp(0.0, 1.0)
    return torch.lerp(values[left], values[right], share)


def _to_levels(images: Tensor) -> Tensor:
    return ((images.float() + 1.0) / 2.0 * (LEVELS - 1)).clamp(0.0, LEVELS - 1)
