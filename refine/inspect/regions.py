"""Where in the image things lie: shares of the cells of a grid, and of regions with a name, by labels or by light."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

BATCH = 32

CELLS = 6
"""Rows and columns of the grid: two of them are a third of the image."""

SAMPLE = 1000
"""Images whose own shares are kept, to tell a difference from chance."""

Cells = NDArray[np.float64]

COARSE = (
    "the image",
    "the top third",
    "the middle third of the height",
    "the bottom third",
    "the left third",
    "the middle third of the width",
    "the right third",
)
"""The whole, its horizontal bands and its vertical ones."""

REGIONS = (
    *COARSE,
    *("the top left", "the top center", "the top right"),
    *("the middle left", "the center", "the middle right"),
    *("the bottom left", "the bottom center", "the bottom right"),
)
"""The coarse regions, and the ninths."""


def by_region(cells: Cells) -> Cells:
    """``(…, 6, 6)`` shares of cells to ``(…, 16)`` shares of `REGIONS`."""
    third = CELLS // 3
    ninths = cells.reshape(*cells.shape[:-2], 3, third, 3, third).mean(axis=(-3, -1))
    flat = ninths.reshape(*ninths.shape[:-2], 9)
    return np.concatenate([flat.mean(-1, keepdims=True), ninths.mean(-1), ninths.mean(-2), flat], axis=-1)


class Shares:
    """Mean and spread, over images, of how much of each region each thing fills.

    Args:
        names: Of the things.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.images = 0
        self._cells = np.zeros((len(self.names), CELLS, CELLS))
        self._sample: list[NDArray[np.float32]] = []
        self._generator = np.random.default_rng(0)

    def add(self, cells: Cells) -> None:
        """One image's ``(names, 6, 6)`` shares."""
        self.images += 1
        self._cells += cells
        place = self.images - 1
        if place >= SAMPLE:  # every image so far stays with the same chance
            place = int(self._generator.integers(self.images))
        if place < SAMPLE:
            self._sample[place : place + 1] = [by_region(cells).astype(np.float32)]

    def cells(self) -> Cells:
        """``(names, 6, 6)`` means."""
        cells: Cells = self._cells / max(1, self.images)
        return cells

    def means(self) -> Cells:
        """``(names, 16)`` means of the regions."""
        return by_region(self.cells())

    def sample(self) -> NDArray[np.float32]:
        """``(n, names, 16)`` regions of a random sample of the images."""
        return np.stack(self._sample) if self._sample else np.zeros((0, len(self.names), len(REGIONS)), np.float32)

    def select(self, names: Sequence[str]) -> "Shares":
        """Those of some names only, by their casefolded spelling, in their order."""
        places = {name.casefold(): place for place, name in enumerate(self.names)}
        rows = [places[name.casefold()] for name in names]
        part = Shares(names)
        part.images, part._cells = self.images, self._cells[rows]
        part._sample = [regions[rows] for regions in self._sample]
        return part


AREAS = ("dark areas", "bright areas", "edges")

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
    shares = Shares(AREAS)
    for batch in torch.split(lightness, BATCH):
        light = batch.float()
        parts = [light < mean - APART * deviation, light > mean + APART * deviation, gradient(batch) > slope]
        for cells in F.adaptive_avg_pool2d(torch.stack(parts, dim=1).float(), CELLS):
            shares.add(cells.double().numpy())
    return shares


THINGS = "things before a plain background"

PLAIN_LEVELS, THING_LEVELS = 24, 40
"""Levels of 255 in any color up to which a pixel of the border is of the background, and above which a pixel is not."""

PLAIN_BORDER, PLAIN_IMAGES = 0.8, 0.75
"""Share of the border that is of one color in an image with a plain background, and share of such images in a set."""


def foreground_shares(images: Tensor) -> Shares | None:
    """How much of each region is not of the background's color; None where most backgrounds are not plain.

    The background's color is the median of each image's outermost pixels. Images without a plain one are left out.

    Args:
        images: ``(N, 3, H, W)`` uint8.
    """
    shares = Shares((THINGS,))
    for batch in torch.split(images, BATCH):
        levels = batch.float()
        ring = torch.cat([levels[:, :, 0], levels[:, :, -1], levels[:, :, :, 0], levels[:, :, :, -1]], dim=2)
        color = ring.median(dim=2, keepdim=True).values  # (B, 3, 1)
        plain = ((ring - color).abs().amax(dim=1) <= PLAIN_LEVELS).float().mean(dim=1) >= PLAIN_BORDER
        things = (levels - color[..., None]).abs().amax(dim=1, keepdim=True) > THING_LEVELS
        for cells in F.adaptive_avg_pool2d(things[plain].float(), CELLS):
            shares.add(cells.double().numpy())
    return shares if shares.images >= PLAIN_IMAGES * len(images) else None


def gradient(lightness: Tensor) -> Tensor:
    """``(N, H, W)`` magnitude of the gradient, 0 … 1, of uint8 lightness of the same shape."""
    from kornia.filters import sobel  # half a second, which an inspection without real images does not need

    edges: Tensor = sobel(lightness[:, None].float() / 255, eps=0.0)[:, 0]
    return edges


def _steep(lightness: Tensor) -> float:
    """The quantile `BUSY` of the gradient over all images, from a histogram."""
    bins = 4096
    histogram = torch.zeros(bins)
    for batch in torch.split(lightness, BATCH):
        histogram += torch.histc(gradient(batch), bins, 0.0, 1.0)
    reached = histogram.double().cumsum(0) / histogram.double().sum().clamp_min(1)
    return (float((reached < BUSY).sum()) + 1) / bins  # a flat pixel is no edge, though it be the steepest
