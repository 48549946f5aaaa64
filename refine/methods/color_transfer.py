"""Color statistics transfer (Reinhard et al., Color Transfer between Images, IEEE CG&A 2001)."""

from collections.abc import Iterable, Mapping

import torch
from kornia.color import lab_to_rgb, rgb_to_lab
from torch import Tensor

from refine.methods.training_free import Side, Statistics, TrainingFree, fit_statistics

FLAT = 0.01
"""A channel that varies less (Lab units, or 1/100 of the gray range) is moved, not stretched: it is rounding."""


class ColorTransfer(TrainingFree):
    """Gives synthetic images the real ones' mean and standard deviation in each channel of Lab. No training.

    The statistics are over all pixels of all images of a side, so every image is changed by the same map of
    colors. The paper takes them from one image and works in the Lab space of Ruderman; here it is CIE L*a*b*
    (D65), and for gray images the gray level alone. Through `refine fit`, they are those of the batches that
    the dataset's recipe asks for, augmentation and class balance included; `fit_color_transfer` takes every
    image once.

    Args:
        channels: 1 (gray) or 3 (RGB).
        steps: Batches that are counted when it is fitted through `refine fit`.
        seed: Without effect: nothing here is random.
    """

    channels: int = 3
    steps: int = 100
    seed: int = 0

    def build(self) -> None:
        """Make empty sums of both sides."""
        super().build()
        self.synthetic = ColorStatistics(self.channels)
        self.real = ColorStatistics(self.channels)

    def statistics(self) -> Mapping[Side, "ColorStatistics"]:
        """Return the sums of both sides."""
        return {"synthetic": self.synthetic, "real": self.real}

    def forward(self, images: Tensor) -> Tensor:
        """Synthetic to refined, ``(B, channels, H, W)`` in [-1, 1].

        Raises:
            InputError: If one side's statistics were never taken.
        """
        self.require_statistics()
        source_mean, source_std = self.synthetic.mean_and_std()
        target_mean, target_std = self.real.mean_and_std()
        stretch = torch.where(source_std > FLAT, target_std / source_std.clamp_min(FLAT), 1.0)
        offset = target_mean - stretch * source_mean
        moved = to_color_space(images) * _over_pixels(stretch, images) + _over_pixels(offset, images)
        return _from_color_space(moved).to(images.dtype)


class ColorStatistics(Statistics):
    """Sums over pixels, in float64 and in one pass: mean and standard deviation of each channel."""

    total: Tensor
    squares: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.register_buffer("total", torch.zeros(channels, dtype=torch.float64))
        self.register_buffer("squares", torch.zeros(channels, dtype=torch.float64))

    def of(self, images: Tensor) -> Mapping[str, Tensor]:
        """Pixels, and the sums of their values and squares."""
        values = to_color_space(images).double()
        return {
            "count": self.count.new_full((), values.numel() / values.shape[1]),
            "total": values.sum(dim=(0, 2, 3)),
            "squares": values.square().sum(dim=(0, 2, 3)),
        }

    def mean_and_std(self) -> tuple[Tensor, Tensor]:
        """``(channels,)`` float64 each, in the units of `to_color_space`; NaN if nothing was counted."""
        mean = self.total / self.count
        return mean, (self.squares / self.count - mean.square()).clamp_min(0.0).sqrt()


def fit_color_transfer(synthetic: Iterable[Tensor], real: Iterable[Tensor], channels: int) -> ColorTransfer:
    """A color transfer from every image of two datasets, in one pass over each.

    Args:
        synthetic: Batches ``(B, channels, H, W)`` in [-1, 1].
        real: The same.
        channels: 1 or 3.

    Raises:
        InputError: If a side has no image.
    """
    return fit_statistics(ColorTransfer(channels=channels), synthetic, real)


def to_color_space(images: Tensor) -> Tensor:
    """``(B, 3, H, W)`` in [-1, 1] to L* 0 … 100, a* and b* about ±128; ``(B, 1, H, W)`` to 0 … 100. float32."""
    levels = (images.float() + 1.0) / 2.0
    lab: Tensor = rgb_to_lab(levels) if images.shape[1] == 3 else 100.0 * levels
    return lab


def _from_color_space(values: Tensor) -> Tensor:
    levels: Tensor = lab_to_rgb(values) if values.shape[1] == 3 else (values / 100.0).clamp(0.0, 1.0)
    return levels * 2.0 - 1.0


def _over_pixels(values: Tensor, images: Tensor) -> Tensor:
    return values.to(device=images.device, dtype=torch.float32)[:, None, None]
