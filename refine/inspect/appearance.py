"""Color and frequency statistics of a set of images."""

from collections.abc import Callable, Iterator, Sequence

import kornia
import torch
from torch import Tensor

from refine.data.images import to_float
from refine.distances.features import gather
from refine.inspect.regions import BATCH
from refine.inspect.result import Color, Distance
from refine.metrics.features import FeatureExtractor, metric_name
from refine.metrics.kernel import kernel
from refine.metrics.sliced_wasserstein import PATCH, descriptor_distance, draw_places
from refine.terminal import counted

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


MOST = 256
"""Images a side whose patches are compared: more move the figure by little, and cost minutes."""

PATCHES, PROJECTIONS = 64, 128
"""Fewer than `refine evaluate` takes: the same figure with a little more noise."""


def distances(here: Tensor, real: Tensor, color: bool, extractors: Sequence[FeatureExtractor]) -> list[Distance]:
    """Sliced Wasserstein distance, and KID on the features of each extractor.

    Args:
        here: ``(N, 3, H, W)`` uint8 in random order.
        real: ``(M, 3, H, W)`` uint8 in random order.
        color: Whether any of them has color.
        extractors: Networks.

    Raises:
        InputError: If a network gives NaN or infinity.
    """
    if not color:
        here, real = here[:, :1], real[:, :1]
    found = []
    if min(here.shape[-2:]) >= PATCH and len(here) and len(real):
        found.append(_beside_floor("swd", here[:MOST], real[: 2 * MOST], _sliced, 1))
    count = _count(here, real, 2)
    ours, theirs = here[:count], real[: 2 * count]
    with counted(len(extractors) * (len(ours) + len(theirs)), "evaluate") as advance:
        for extractor in extractors if count >= 2 else ():
            sets = [gather(_batches(images), [extractor], advance=advance) for images in (ours, theirs)]
            a, b = (each.features[0] for each in sets)
            found.append(_beside_floor(metric_name("kid", extractor), a, b, kernel, 2))
    return found


def _beside_floor(
    name: str, here: Tensor, real: Tensor, distance: Callable[[Tensor, Tensor], float], least: int
) -> Distance:
    """A distance to one half of the real ones, and that of the other half, at the same number of images."""
    count = _count(here, real, least)
    half, other = real[:count], real[count : 2 * count]
    floor = distance(other, half) if len(other) == count else None
    return {"name": name, "value": distance(here[:count], half), "floor": floor, "images": count}


def _count(here: Tensor, real: Tensor, least: int) -> int:
    """Images a side: half of the real ones, or all of them if there are not ``least`` in a half."""
    count = min(len(here), len(real) // 2)
    return count if count >= least else min(len(here), len(real))


def _sliced(images: Tensor, reference: Tensor) -> float:
    generator = torch.Generator().manual_seed(0)
    places = draw_places((images.shape[-2], images.shape[-1]), generator, PATCHES)
    a, b = (gather(_batches(each), (), places, len(each)).descriptors for each in (images, reference))
    return float(descriptor_distance(a, b, generator=generator, projections=PROJECTIONS).value)


def _batches(images: Tensor) -> Iterator[Tensor]:
    return map(to_float, torch.split(images, BATCH))
