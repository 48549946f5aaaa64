"""Where bright, dark and busy areas lie: what can be said of an image's layout without labels."""

import kornia
import torch
import torch.nn.functional as F
from torch import Tensor

from refine.inspect.appearance import BATCH
from refine.inspect.grid import CELLS, Shares

NAMES = ("dark areas", "bright areas", "edges")
APART = 0.5
"""Dark and bright are so many standard deviations from the mean."""
BUSY = 0.8
"""Edges are the steepest pixels: those above this quantile of the gradient."""


def area_shares(lightness: Tensor) -> Shares:
    """How much of each region is dark, bright, or edges, each by the set's own measure.

    A set that is darker, flatter or more blurred as a whole has the same shares: what is compared is only where.

    Args:
        lightness: ``(N, H, W)`` uint8.
    """
    histogram = torch.bincount(lightness.flatten().int(), minlength=256).double()
    levels = torch.arange(256, dtype=torch.float64)
    mean = float((histogram @ levels) / histogram.sum())
    deviation = float(((histogram @ (levels - mean) ** 2) / histogram.sum()).sqrt())
    slope = _steep(lightness)
    shares = Shares(NAMES)
    for batch in torch.split(lightness, BATCH):
        light = batch.float()
        parts = [light < mean - APART * deviation, light > mean + APART * deviation, gradient(batch) > slope]
        for cells in F.adaptive_avg_pool2d(torch.stack(parts, dim=1).float(), CELLS):
            shares.add(cells.double().numpy())
    return shares


def gradient(lightness: Tensor) -> Tensor:
    """``(N, H, W)`` magnitude of the gradient, 0 … 1, of uint8 lightness of the same shape."""
    edges: Tensor = kornia.filters.sobel(lightness[:, None].float() / 255, eps=0.0)[:, 0]
    return edges


def _steep(lightness: Tensor) -> float:
    """The quantile `BUSY` of the gradient over all images, from a histogram."""
    bins = 4096
    histogram = torch.zeros(bins)
    for batch in torch.split(lightness, BATCH):
        histogram += torch.histc(gradient(batch), bins, 0.0, 1.0)
    reached = histogram.double().cumsum(0) / histogram.double().sum().clamp_min(1)
    return (float((reached < BUSY).sum()) + 1) / bins  # a flat pixel is no edge, though it be the steepest
