"""Draws stained cell nuclei on a dark ground, as a fluorescence microscope sees them, with a mask of each nucleus."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from refine.simulators.ranges import Range, Ranges, sample

SIDE = 256
"""Height and width of an image in pixels."""

CONTRAST = 8.0
"""Levels that must lie between the ranges of nuclei and ground: fainter nuclei lose their label."""


@dataclass(frozen=True)
class NucleiParameters(Ranges):
    """Ranges that each image's values are drawn from, uniformly and independently of each other.

    The defaults give bright nuclei on an even ground. They were set once, from the data's description and ten pictures,
    and never by what a method makes of them.

    Raises:
        InputError: If an end of a range is not a finite number or lies outside `limits`, the ends are swapped, or
            nuclei and ground come nearer than `CONTRAST`.
    """

    limits: ClassVar[Mapping[str, Range]] = {
        "count": (1.0, 200.0),
        "radius": (3.0, 40.0),
        "spread": (0.0, 1.0),
        "elongation": (1.0, 3.0),
        "clustering": (0.0, 1.0),
        "brightness": (0.0, 255.0),
        "contrast": (0.0, 1.0),
        "ground": (0.0, 255.0),
        "texture": (0.0, 1.0),
        "grain": (0.5, 20.0),
        "blur": (0.0, 10.0),
        "noise": (0.0, 64.0),
    }

    count: Range = (5.0, 60.0)
    """Nuclei that are tried; those that would overlap half of another are left out; 1 to 200."""
    radius: Range = (5.0, 13.0)
    """Mean radius in an image, in pixels; 3 to 40."""
    spread: Range = (0.05, 0.3)
    """Standard deviation of the radii in an image, as a share of their mean; 0 to 1."""
    elongation: Range = (1.0, 1.6)
    """Longer axis by the shorter one, the largest in an image; 1 to 3."""
    clustering: Range = (0.0, 0.6)
    """Share of the nuclei that stand next to another one; 0 to 1."""
    brightness: Range = (110.0, 220.0)
    """Mean level of the nuclei in an image; 0 to 255."""
    contrast: Range = (0.05, 0.25)
    """Standard deviation of the nuclei's levels, as a share of their mean; 0 to 1."""
    ground: Range = (5.0, 25.0)
    """Level of the ground; 0 to 255."""
    texture: Range = (0.05, 0.25)
    """Standard deviation of the levels inside a nucleus, as a share of its level; 0 to 1."""
    grain: Range = (1.0, 3.0)
    """Size of the texture's spots, in pixels; 0.5 to 20."""
    blur: Range = (0.5, 1.2)
    """Standard deviation of a Gaussian blur in pixels; 0 to 10."""
    noise: Range = (1.0, 4.0)
    """Standard deviation of Gaussian noise, in levels; 0 to 64."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_contrast("brightness", "ground", CONTRAST, self.brightness[0] - self.ground[1])


@dataclass(frozen=True)
class NucleiImage:
    """The values that one image is drawn from; units are those of `NucleiParameters`."""

    count: float
    radius: float
    spread: float
    elongation: float
    clustering: float
    brightness: float
    contrast: float
    ground: float
    texture: float
    grain: float
    blur: float
    noise: float
    own_seed: int
    """Seed of places, shapes, texture and noise, 0 to 2³²-1."""


class Nucleus(NamedTuple):
    """An ellipse; lengths in pixels, the angle in radians."""

    down: float
    across: float
    long: float
    short: float
    angle: float


def sample_nuclei(index: int, seed: int, parameters: NucleiParameters) -> NucleiImage:
    """The values of image number ``index``, as `sample` draws them."""
    own_seed, _, values = sample(parameters, index, seed)
    return NucleiImage(own_seed=own_seed, **values)


def draw_nuclei(image: NucleiImage) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Draw one image.

    Returns:
        ``(256, 256)`` uint8 levels, and ``(256, 256)`` uint16: the number of the nucleus at each pixel, 0 where there
        is none. A nucleus lies over those before it.
    """
    generator = np.random.default_rng(image.own_seed)
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    ids, levels = np.zeros((SIDE, SIDE), dtype=np.uint16), np.full((SIDE, SIDE), image.ground)
    placed: list[Nucleus] = []
    for _ in range(round(image.count)):
        nucleus = _placed(image, placed, generator)
        level = image.brightness * max(1 + image.contrast * generator.standard_normal(), 0.25)
        down, across = rows - nucleus.down, columns - nucleus.across
        along = down * math.sin(nucleus.angle) + across * math.cos(nucleus.angle)
        beside = down * math.cos(nucleus.angle) - across * math.sin(nucleus.angle)
        inside = (along / nucleus.long) ** 2 + (beside / nucleus.short) ** 2 <= 1
        if not inside.any() or (ids[inside] > 0).mean() > 0.5:
            continue
        placed.append(nucleus)
        ids[inside], levels[inside] = len(placed), max(level, image.ground + CONTRAST)
    grains = ndimage.gaussian_filter(generator.standard_normal((SIDE, SIDE)), image.grain)
    levels = np.where(ids > 0, levels * (1 + image.texture * grains / grains.std()), levels)
    levels = ndimage.gaussian_filter(levels, image.blur) + image.noise * generator.standard_normal((SIDE, SIDE))
    return levels.round().clip(0, 255).astype(np.uint8), ids


def _placed(image: NucleiImage, others: list[Nucleus], generator: np.random.Generator) -> Nucleus:
    """A nucleus anywhere, or at the edge of another one."""
    radius = max(image.radius * (1 + image.spread * generator.standard_normal()), 2.0)
    stretch = math.sqrt(1 + (image.elongation - 1) * generator.random())
    down, across, clustered, turn, angle = generator.random(5).tolist()
    down, across = down * SIDE, across * SIDE
    if others and clustered < image.clustering:
        other, away = others[int(generator.integers(len(others)))], 2 * math.pi * turn
        distance = (other.long + other.short) / 2 + 0.8 * radius
        down, across = other.down + distance * math.sin(away), other.across + distance * math.cos(away)
    return Nucleus(down, across, radius * stretch, radius / stretch, math.pi * angle)
