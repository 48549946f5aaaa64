"""Planted harm: pictures under labels that are wrong for certain, by how much. It measures what an audit would find."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from refine.audit.harm_regions import erased, moved, moved_region, object_regions, pasted, vertical_swap
from refine.audit.label_difference import label_difference
from refine.labels import IGNORE, LabelKind

MIXED = "mixed with another class's image"
EQUAL = 1e-6
"""Labels that are no further apart are the same."""


class Planted(NamedTuple):
    """Images after harm was planted."""

    images: Tensor
    """``(B, C, H, W)`` in [-1, 1]: those that were harmed, and the others as they were."""
    harmed: Tensor
    """``(B,)`` bool: whose label is wrong now. Harm is not possible for every image: one without an object has none
    to erase."""


class Case(NamedTuple):
    """What harm is planted into."""

    kind: LabelKind
    images: Tensor
    """``(B, C, H, W)`` in [-1, 1]. Images of one call are each other's replacement: give as many as fit."""
    labels: Tensor
    """As `suspicion` takes them."""
    names: Sequence[str]
    """Names of the classes or targets."""


class Harm(NamedTuple):
    """One way to make labels wrong."""

    name: str
    unit: str
    """Of the sizes; empty where there is no more and less."""
    sizes: tuple[float | None, ...]
    """Smallest first; a single None where there is no more and less."""
    applies: Callable[[LabelKind, Sequence[str]], bool]
    """Whether this is harm for a kind of labels with these names."""
    plant: Callable[[Case, float | None, torch.Generator], Planted]
    """The case, one of the sizes, and what draws."""


def another_image(
    images: Tensor,
    labels: Tensor,
    generator: torch.Generator,
    kind: LabelKind = "class",
    names: Sequence[str] = (),
    least: float = 0.0,
) -> Planted:
    """Each image replaced by another one of the same call, whose label is wrong for it.

    Args:
        images: ``(B, C, H, W)``.
        labels: As `suspicion` takes them.
        generator: Draws among the candidates.
        kind: Of the labels.
        names: Of the classes or targets.
        least: By how much the labels differ at least, in the units of `label_difference`. Where there is more and
            less, one of the three images that differ by the least above it is drawn, so that a size means that size.

    Returns:
        An image for which there is no other one stays, unharmed. Who replaces whom hangs on the labels and the
        generator alone: called once more with a generator of the same state, it replaces the images before in the same
        way. Then before and after still show the same, and nothing but a judge of labels can find the harm.
    """
    apart = label_difference(kind, labels, names, (images.shape[-2], images.shape[-1]))
    fits = (apart >= least) & (apart > EQUAL)
    drawn = torch.rand(apart.shape, generator=generator, device=generator.device).to(apart.device)
    if kind != "class":
        far = apart.masked_fill(~fits, torch.inf)
        fits = fits & (far <= far.kthvalue(min(3, len(labels)), dim=1, keepdim=True).values)
    chosen = drawn.masked_fill(~fits, -1.0).argmax(1)
    there = fits.any(1)
    return Planted(images[torch.where(there, chosen, torch.arange(len(images), device=apart.device))], there)


def _replaced(case: Case, size: float | None, generator: torch.Generator) -> Planted:
    return another_image(case.images, case.labels, generator, case.kind, case.names, size or 0.0)


def _mixed(case: Case, size: float | None, generator: torch.Generator) -> Planted:
    """Another class's image shows through, more than the own one: as a translator leaves it that turns one into the
    other half way."""
    other = another_image(case.images, case.labels, generator, case.kind, case.names)
    share = size or 0.0
    return Planted((1 - share) * case.images + share * other.images, other.harmed)


def _moved(case: Case, size: float | None, generator: torch.Generator) -> Planted:
    return Planted(moved(case.images, size or 0.0, generator), _has_places(case))


def _has_places(case: Case) -> Tensor:
    """``(B,)`` bool: whether a label says where something is, and not only that all is one thing."""
    labels = case.labels.as_subclass(Tensor)
    if case.kind == "objects":
        return (labels[..., 0] >= 0).any(1)
    ids = labels.flatten(1).long()  # masks come as uint8, which has no 256
    lowest, highest = ids.masked_fill(ids == IGNORE, IGNORE + 1).amin(1), ids.masked_fill(ids == IGNORE, -1).amax(1)
    return lowest < highest


def _moved_object(case: Case, size: float | None, generator: torch.Generator) -> Planted:
    regions = object_regions(case.kind, case.labels, case.images.shape[-2:], generator)
    images = moved_region(case.images, regions, size or 0.0, generator)
    return Planted(images, regions.any(dim=(1, 2)) & bool(size))


def _erased(case: Case, size: float | None, generator: torch.Generator) -> Planted:
    regions = object_regions(case.kind, case.labels, case.images.shape[-2:], generator, size or 0.0)
    return Planted(erased(case.images, regions), regions.any(dim=(1, 2)))


def _pasted(case: Case, size: float | None, generator: torch.Generator) -> Planted:
    """The thing of another image, at its own place, where this image has something else."""
    images = case.images
    regions = object_regions(case.kind, case.labels, images.shape[-2:], generator, size or 0.0)
    others = torch.arange(len(images), device=images.device).roll(1)
    region = regions[others]
    if case.kind == "mask":
        mask = case.labels.as_subclass(Tensor).reshape(regions.shape)
        wrong = (mask != mask[others]) & (mask != IGNORE)
    else:
        wrong = ~object_regions("objects", case.labels, images.shape[-2:], None)
    harmed = (wrong & region).sum((1, 2)) > 0.5 * region.sum((1, 2))
    made = pasted(images, images[others], region)
    return Planted(torch.where(harmed[:, None, None, None], made, images), harmed)


def _swapped(case: Case, size: float | None, generator: torch.Generator) -> Planted:
    return Planted(vertical_swap(case.images, 2), _has_places(case))


def _lamps(case: Case, size: float | None, generator: torch.Generator) -> Planted:
    """The upper third of a traffic light says red and the lower one green; yellow stays where it is."""
    ends = [case.names.index("red"), case.names.index("green")]
    harmed = torch.isin(case.labels, torch.tensor(ends, device=case.labels.device))
    return Planted(torch.where(harmed[:, None, None, None], vertical_swap(case.images, 3), case.images), harmed)


def _has_things(kind: LabelKind, names: Sequence[str]) -> bool:
    return kind in {"mask", "objects"}


def _is_gaze(kind: LabelKind, names: Sequence[str]) -> bool:
    return kind == "targets" and len(names) == 2 and set(names) == {"pitch", "yaw"}


def _has_lamps(kind: LabelKind, names: Sequence[str]) -> bool:
    return kind == "class" and {"red", "green"} <= set(names)


HARMS = (
    Harm("another class's image", "", (None,), lambda kind, names: kind == "class", _replaced),
    Harm(MIXED, "share of it", (0.6, 0.8), lambda kind, names: kind == "class", _mixed),
    Harm("another image", "share of pixels", (0.1, 0.2, 0.4), lambda kind, names: kind == "mask", _replaced),
    Harm("another image", "share of area", (0.25, 0.5, 0.75), lambda kind, names: kind == "objects", _replaced),
    Harm("gaze replaced", "degrees", (5, 10, 20), _is_gaze, _replaced),
    Harm(
        "targets replaced",
        "standard deviations",
        (0.5, 1, 2),
        lambda kind, names: kind == "targets" and not _is_gaze(kind, names),
        _replaced,
    ),
    Harm("moved", "pixels", (1, 2, 4, 8), _has_things, _moved),
    Harm("one object moved", "pixels", (2, 4, 8, 16), _has_things, _moved_object),
    Harm("erased", "share of image", (0.01, 0.05, 0.1), _has_things, _erased),
    Harm("pasted", "share of image", (0.01, 0.05, 0.1), _has_things, _pasted),
    Harm("halves swapped", "", (None,), _has_things, _swapped),
    Harm("lamps swapped", "", (None,), _has_lamps, _lamps),
)
"""Every harm, for every kind of labels. Moving or erasing a part is none for a class: the digit may still be one."""


def harms(kind: LabelKind, names: Sequence[str]) -> tuple[Harm, ...]:
    """Those that make labels of this kind wrong."""
    return tuple(harm for harm in HARMS if harm.applies(kind, names))
