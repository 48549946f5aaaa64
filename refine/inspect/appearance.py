"""Color and frequency statistics of a set of images."""

import kornia
import torch
from torch import Tensor

from refine.inspect.result import Color

BATCH = 32
BINS = 32


def lab_statistics(images: Tensor) -> tuple[Color, Tensor]:
    """Mean and standard deviation of all pixels in CIE Lab, and the lightness.

    Args:
        images: ``(N, 3, H, W)`` uint8 RGB.

    Returns:
        The statistics, and L* ``(N, H, W)`` scaled to uint8 0 … 255.
    """
    sums = torch.zeros(2, 3, dtype=torch.float64)
    lightness = []
    for batch in torch.split(images, BATCH):
        lab = kornia.color.rgb_to_lab(batch.float() / 255)
        sums += torch.stack([lab.double().sum(dim=(0, 2, 3)), lab.double().square().sum(dim=(0, 2, 3))])
        lightness.append((lab[:, 0] * 2.55).round().clamp(0, 255).to(torch.uint8))
    mean, square = sums / (images.numel() // 3)
    deviation = (square - mean**2).clamp_min(0).sqrt()
    return {"mean": mean.tolist(), "deviation": deviation.tolist()}, torch.cat(lightness)


def log_power(lightness: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over images of the log power spectrum, averaged over rings of equal frequency.

    A Hann window keeps the image's edges, which meet in no scene, out of it; the mean is taken off first.

    Args:
        lightness: ``(N, H, W)`` uint8.

    Returns:
        Frequencies in cycles a pixel, up to 0.5, and decibels, each ``(bins,)`` float64.
    """
    height, width = lightness.shape[1:]
    window = torch.outer(torch.hann_window(height, periodic=False), torch.hann_window(width, periodic=False))
    radius = (torch.fft.fftfreq(height)[:, None] ** 2 + torch.fft.fftfreq(width) ** 2).sqrt()
    bins = max(1, min(BINS, min(height, width) // 2))
    ring = (radius * 2 * bins).ceil().long() - 1  # the mean, at radius 0, and the corners beyond 0.5 are in none
    inside = (ring >= 0) & (ring < bins)
    counts = torch.bincount(ring[inside], minlength=bins).clamp_min(1)
    total = torch.zeros(bins, dtype=torch.float64)
    for batch in torch.split(lightness, BATCH):
        levels = batch.float()
        spectrum = torch.fft.fft2((levels - levels.mean(dim=(1, 2), keepdim=True)) * window).abs().square()
        power = spectrum / window.square().sum().clamp_min(1e-6)
        for image in power:
            rings = torch.bincount(ring[inside], weights=image[inside].double(), minlength=bins) / counts
            total += 10 * torch.log10(rings + 1 / 12)  # the noise of rounding to whole levels: the least there is
    return (torch.arange(bins, dtype=torch.float64) + 0.5) / (2 * bins), total / len(lightness)
