"""Planted corruption: pictures under labels that are wrong by a known amount. It measures what an audit would find."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.audit.perturbations import gaussian
from refine.labels import LabelKind

MIXED = "mixed with another class's image"
EQUAL_LABELS = 1e-6
"""Labels that are no further apart are the same."""
BORDER_PIXELS = 1.0
"""Standard deviation of the border between what was there and what was put there: a hard seam would give every
corruption away."""


class Originals(NamedTuple):
    """Images under right labels, to be corrupted."""

    kind: LabelKind
    images: Tensor
    """``(B, C, H, W)`` in [-1, 1]. Images of one call are each other's replacement: give as many as fit."""
    labels: Tensor
    """Labels of the images."""
    names: Sequence[str]
    """Names of the classes or targets."""

    def regions(self, generator: torch.Generator, least: float = 0.0) -> Tensor:
        """Draw one thing of each image: a box of objects, a connected part of a class of masks.

        Args:
            generator: Draws them.
            least: Share of the image that a thing must cover to be drawn. Of those that do, the smaller half is drawn
                from, so that a size means that size. Things that cover more than half of the image are none.

        Returns:
            ``(B, H, W)`` bool; all False where an image has no such thing.
        """
        found = []
        for label in self.labels.as_subclass(Tensor):
            regions = self.kind.things(label, self.size)
            share = regions.float().mean((1, 2))
            fits = ((share > 0) & (share >= least) & (share <= 0.5)).nonzero().flatten()
            if not len(fits):
                found.append(torch.zeros(self.size, dtype=torch.bool, device=label.device))
                continue
            smaller = fits[share[fits].argsort()][: math.ceil(len(fits) / 2)]
            drawn = torch.randint(len(smaller), (), generator=generator, device=generator.device)
            found.append(regions[smaller[int(drawn)]])
        return torch.stack(found)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.images.shape[-2:]
        return height, width


class Corrupted(NamedTuple):
    """Images after corruption."""

    images: Tensor
    """``(B, C, H, W)`` in [-1, 1]: those whose label is wrong now, and the others as they were."""
    wrong: Tensor
    """``(B,)`` bool: whose label is wrong now. Not every image can be corrupted: without an object none is erased."""


class Corruption(NamedTuple):
    """One way to make labels wrong."""

    name: str
    unit: str
    """Unit of the sizes; empty where there is no more and less."""
    sizes: tuple[float | None, ...]
    """Smallest first; a single None where there is no more and less."""
    plant: Callable[[Originals, float | None, torch.Generator], Corrupted]
    """Corrupts images, given one of the sizes and a generator."""


def another_image(originals: Originals, least: float | None, generator: torch.Generator) -> Corrupted:
    """Replace each image by another one of the same call, whose label is wrong for it.

    Args:
        originals: The images.
        least: Smallest difference of the labels, in the units of `LabelKind.differences`. Where there is more and less,
            one of the three images that differ by the least above it is drawn, so that a size means that size.
        generator: Draws among the candidates.

    Returns:
        An image for which there is no other one stays as it is. Who replaces whom hangs on the labels and the
        generator alone: called once more with a generator of the same state, it replaces the images before in the same
        way. Then before and after still show the same, and nothing but a judge of labels can find it.
    """
    images, labels = originals.images, originals.labels
    apart = originals.kind.differences(labels, originals.names, originals.size)
    fits = (apart >= (least or 0.0)) & (apart > EQUAL_LABELS)
    drawn = torch.rand(apart.shape, generator=generator, device=generator.device).to(apart.device)
    far = apart.masked_fill(~fits, torch.inf)
    fits = fits & (far <= far.kthvalue(min(3, len(labels)), dim=1, keepdim=True).values)
    chosen = drawn.masked_fill(~fits, -1.0).argmax(1)
    there = fits.any(1)
    return Corrupted(images[torch.where(there, chosen, torch.arange(len(images), device=apart.device))], there)


def _mixed(originals: Originals, size: float | None, generator: torch.Generator) -> Corrupted:
    """Let another class's image show through, more than the own one: as a translator leaves it that turns one into
    the other half way."""
    other, share = another_image(originals, None, generator), size or 0.0
    return Corrupted((1 - share) * originals.images + share * other.images, other.wrong)


def _moved(originals: Originals, size: float | None, generator: torch.Generator) -> Corrupted:
    return Corrupted(moved(originals.images, size or 0.0, generator), originals.kind.place_shown(originals.labels))


def _moved_object(originals: Originals, size: float | None, generator: torch.Generator) -> Corrupted:
    regions = originals.regions(generator)
    images = moved_region(originals.images, regions, size or 0.0, generator)
    return Corrupted(images, regions.any(dim=(1, 2)) & bool(size))


def _erased(originals: Originals, size: float | None, generator: torch.Generator) -> Corrupted:
    regions = originals.regions(generator, size or 0.0)
    return Corrupted(erased(originals.images, regions), regions.any(dim=(1, 2)))


def _pasted(originals: Originals, size: float | None, generator: torch.Generator) -> Corrupted:
    """Put the thing of another image, at its own place, where this image has something else."""
    images = originals.images
    regions = originals.regions(generator, size or 0.0)
    others = torch.arange(len(images), device=images.device).roll(1)
    region = regions[others]
    elsewhere = originals.kind.elsewhere(originals.labels, others, originals.size)
    wrong = (elsewhere & region).sum((1, 2)) > 0.5 * region.sum((1, 2))
    made = pasted(images, images[others], region)
    return Corrupted(torch.where(wrong[:, None, None, None], made, images), wrong)


def _swapped(originals: Originals, size: float | None, generator: torch.Generator) -> Corrupted:
    return Corrupted(vertical_swap(originals.images, 2), originals.kind.place_shown(originals.labels))


def _lamps(originals: Originals, size: float | None, generator: torch.Generator) -> Corrupted:
    """Make the upper third of a traffic light say red and the lower one green; yellow stays where it is."""
    labels, names = originals.labels, originals.names
    wrong = torch.isin(labels, torch.tensor([names.index("red"), names.index("green")], device=labels.device))
    swapped = vertical_swap(originals.images, 3)
    return Corrupted(torch.where(wrong[:, None, None, None], swapped, originals.images), wrong)


OF_CLASSES = Corruption(MIXED, "share of it", (0.6, 0.8), _mixed)
OF_LAMPS = Corruption("lamps swapped", "", (None,), _lamps)
OF_PLACES = (
    Corruption("moved", "pixels", (1, 2, 4, 8), _moved),
    Corruption("one object moved", "pixels", (2, 4, 8, 16), _moved_object),
    Corruption("erased", "share of image", (0.01, 0.05, 0.1), _erased),
    Corruption("pasted", "share of image", (0.01, 0.05, 0.1), _pasted),
    Corruption("halves swapped", "", (None,), _swapped),
)
"""Moving or erasing a part makes no class wrong: the digit may still be one."""


def corruptions_of(kind: LabelKind, names: Sequence[str]) -> tuple[Corruption, ...]:
    """Return those that make labels of this kind wrong, with these names."""
    found = [Corruption(*kind.replacement(names), another_image)]
    found += [OF_CLASSES] if kind.one_class else []
    found += OF_PLACES if kind.has_places else []
    found += [OF_LAMPS] if kind.one_class and {"red", "green"} <= {*names} else []
    return tuple(found)


def moved(images: Tensor, pixels: float, generator: torch.Generator) -> Tensor:
    """Move whole images, each in a direction of its own; what comes in repeats the border.

    Args:
        images: ``(B, C, H, W)``, any range.
        pixels: Distance, in whole rows and columns, so that nothing is blurred: to a quarter of a pixel.
        generator: Draws the directions.

    Returns:
        The same shape.
    """
    steps = draw_steps(len(images), pixels, generator)
    return torch.stack([_shifted(image, *step)[0] for image, step in zip(images, steps, strict=True)])


def _shifted(image: Tensor, down: int, across: int) -> tuple[Tensor, Tensor]:
    """Return ``(..., H, W)`` moved, its border repeated, and ``(H, W)`` bool: what came from inside."""
    height, width = image.shape[-2:]
    rows, columns = torch.arange(height) - down, torch.arange(width) - across
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
    return image[..., rows.clamp(0, height - 1), :][..., columns.clamp(0, width - 1)], inside.to(image.device)


def moved_region(images: Tensor, regions: Tensor, pixels: float, generator: torch.Generator) -> Tensor:
    """Move what is in a region; its former place is filled from its surroundings.

    Args:
        images: ``(B, C, H, W)``, any range.
        regions: ``(B, H, W)`` bool.
        pixels: As of `moved`.
        generator: Draws the directions.

    Returns:
        The same shape; images whose region is empty stay as they were.
    """
    background = erased(images, regions)
    steps = draw_steps(len(images), pixels, generator)
    result = []
    for image, region, under, step in zip(images, regions, background, steps, strict=True):
        (content, _), (there, inside) = _shifted(image, *step), _shifted(region, *step)
        result.append(under + _soft((there & inside)[None])[0] * (content - under))
    return torch.stack(result)


def erased(images: Tensor, regions: Tensor) -> Tensor:
    """Fill a region from what surrounds it.

    Args:
        images: ``(B, C, H, W)``, any range.
        regions: ``(B, H, W)`` bool.

    Returns:
        The same shape: inside there is a weighted mean of the pixels outside, with near ones weighing most; a region
        that covers all gets its mean. Two pixels around it are filled as well, so that nothing of it shines through.
    """
    outside = (~regions)[:, None].float()
    filled = images.mean((2, 3), keepdim=True).expand_as(images)
    known = torch.zeros_like(outside, dtype=torch.bool)
    sigma = 2.0
    while sigma <= max(images.shape[-2:]):  # each place takes the sharpest blur that still sees something
        weight = gaussian(outside, sigma)
        blurred = gaussian(images * outside, sigma) / weight.clamp_min(1e-6)
        sees = (weight > 0.05) & ~known
        filled = torch.where(sees, blurred, filled)
        known |= sees
        sigma *= 2
    grown = F.max_pool2d(regions[:, None].float(), 5, stride=1, padding=2)[:, 0] > 0
    return images + _soft(grown) * (filled - images)


def pasted(images: Tensor, others: Tensor, regions: Tensor) -> Tensor:
    """Return ``images`` with a region of ``others``, ``(B, C, H, W)`` each, under a soft border; ``regions``
    ``(B, H, W)`` bool."""
    return images + _soft(regions) * (others - images)


def vertical_swap(images: Tensor, parts: int) -> Tensor:
    """Exchange the first and the last of ``parts`` equal bands of rows of ``(B, C, H, W)``; rows that are left over
    stay in the middle."""
    height = images.shape[-2]
    band = height // parts
    return torch.cat([images[..., height - band :, :], images[..., band : height - band, :], images[..., :band, :]], -2)


def draw_steps(count: int, pixels: float, generator: torch.Generator) -> list[tuple[int, int]]:
    """Draw ``count`` pairs of whole rows and columns whose length is ``pixels``, to a quarter of a pixel (of fractions
    of a pixel: as near as whole ones come)."""
    reach = math.ceil(pixels) + 1
    line = range(-reach, reach + 1)
    off = {(down, across): abs(math.hypot(down, across) - pixels) for down in line for across in line}
    near = [step for step, wrong in off.items() if wrong <= max(0.25, min(off.values()))]
    drawn = torch.randint(len(near), (count,), generator=generator, device=generator.device)
    return [near[index] for index in drawn.tolist()]


def _soft(regions: Tensor) -> Tensor:
    """``(B, 1, H, W)`` weights: 1 well inside, 0 outside, through `BORDER_PIXELS`."""
    return gaussian(regions[:, None].float(), BORDER_PIXELS)
