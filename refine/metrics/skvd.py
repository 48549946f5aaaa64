"""A kernel distance between two domains in which like is compared with like: patches whose labels agree."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from refine.data.images import to_float
from refine.errors import InputError
from refine.metrics.aligned_patches import LEAST, cut, draw_corners, grids, match
from refine.metrics.features import FeatureExtractor, layers_of

PATCHES = 8
"""Patches of an image, where that does not make more than `MOST`."""
MOST = 4096
"""Patches of a side: their kernel matrix takes a few seconds a layer."""
_ROWS = 1024  # rows of the kernel matrix at once: bounds memory


class Patches(NamedTuple):
    """What is kept of a side."""

    features: dict[str, Tensor]
    """``(P, D)`` float32 on the CPU, by the name of each layer."""
    grids: Tensor
    """``(P, 256)`` uint8."""
    images: Tensor
    """``(P,)`` int64: the number of the image that a patch is from."""

    def take(self, images: Tensor) -> "Patches":
        """Only the patches of these images."""
        kept = torch.isin(self.images, images)
        return Patches({name: rows[kept] for name, rows in self.features.items()}, self.grids[kept], self.images[kept])


class AlignedDistance(NamedTuple):
    """The distance, and how much of the two sides could be compared."""

    layers: dict[str, float]
    """By the name of each layer, early first; 0 in expectation where matched patches look alike."""
    patches: int
    """Of the synthetic side."""
    matched: int
    """Of these, those with a real patch that agrees enough."""
    used: int
    """Different real patches among the matches."""
    agreement: float
    """Mean share of cells that agree, of the matched."""


def skvd(
    synthetic_images: Tensor,
    synthetic_maps: Tensor,
    real_images: Tensor,
    real_maps: Tensor,
    extractors: Sequence[FeatureExtractor],
    *,
    patches: int = PATCHES,
    least: float = LEAST,
    seed: int = 0,
    batch_size: int = 16,
) -> AlignedDistance:
    """Label-aligned kernel distance between images of two domains, layer by layer.

    Square patches of an eighth of each image's area are drawn. Each synthetic patch is matched with the real one whose
    label map agrees with its own on most of 16x16 cells, and left out if fewer than half agree. Between the features of
    the matched patches stands the squared maximum mean discrepancy under KID's cubic kernel. Another layout of the
    scene so moves KID, and this hardly.

    Args:
        synthetic_images: ``(A, C, H, W)`` uint8.
        synthetic_maps: ``(A, H, W)`` class ids of any integer type, 255 for none.
        real_images: ``(B, C, h, w)`` uint8.
        real_maps: ``(B, h, w)`` ids of the same classes.
        extractors: Networks whose features are compared; one with layers gives a distance for each.
        patches: Of each image.
        least: Share of the cells that must agree.
        seed: Of the places and of the choice among equal matches.
        batch_size: Images at once.

    Raises:
        InputError: If no patches match, or only those of one image.

    Source:
        Semantically aligned kernel VGG distance (sKVD) of Richter et al. 2021, "Enhancing Photorealism Enhancement",
        arXiv 2105.04619, section on metrics; kernel of Bińkowski et al. 2018, arXiv 1801.01401. Their code of it is not
        public. What differs here, or was not stated: "1/8 of the image" is read as of its area, not of its sides; the
        maps are those that the caller has, not MSeg's; a patch's features are averaged over its places; ties among
        matches are broken at random; several patches of an image may be drawn, and so pairs of patches that share an
        image are left out of the mean (see `aligned_distance`).
    """
    sides = [
        describe(_batches(images, maps, batch_size), len(images), extractors, patches, seed)
        for images, maps in ((synthetic_images, synthetic_maps), (real_images, real_maps))
    ]
    return aligned_distance(sides[0], sides[1], least=least, seed=seed)


def _batches(images: Tensor, maps: Tensor, batch_size: int) -> Iterable[tuple[Tensor, Tensor]]:
    for pixels, ids in zip(torch.split(images, batch_size), torch.split(maps, batch_size), strict=True):
        yield to_float(pixels), ids


def describe(
    batches: Iterable[tuple[Tensor, Tensor]],
    count: int,
    extractors: Sequence[FeatureExtractor],
    patches: int,
    seed: int,
) -> Patches:
    """Cut patches out of images as they come, and keep their features and label maps.

    Args:
        batches: Images ``(B, C, H, W)`` in [-1, 1] with maps ``(B, H, W)``, all of one size.
        count: Images in all.
        extractors: Networks.
        patches: Of each image.
        seed: Of the places: with the same, two sides of equally many images are cut at the same places.

    Raises:
        InputError: If a network gives NaN or infinity.
    """
    generator = torch.Generator().manual_seed(seed)
    features: dict[str, list[Tensor]] = {}
    cells: list[Tensor] = []
    for images, maps in batches:
        corners = draw_corners((images.shape[-2], images.shape[-1]), len(images), patches, generator)
        cells.append(grids(cut(maps, corners)))
        pieces = cut(images, corners)
        for extractor in extractors:
            for name, found in layers_of(extractor, pieces).items():
                if not found.isfinite().all():
                    raise InputError(f"features {name!r} are NaN or infinite; retrain that model")
                features.setdefault(name, []).append(found.float().cpu())
    return Patches(
        {name: torch.cat(found) for name, found in features.items()},
        torch.cat(cells),
        torch.arange(count).repeat_interleave(patches),
    )


def aligned_distance(synthetic: Patches, real: Patches, *, least: float = LEAST, seed: int = 0) -> AlignedDistance:
    """The distance of two sides whose patches were described before.

    A matched pair is one draw of both domains under one layout. The mean goes over pairs of such draws, as in the
    unbiased estimate by Gretton et al. 2012 (JMLR 13, lemma 6 with equal numbers), except those that share an image:
    patches of one image, or one real patch matched twice, are more alike than two of the domain, and would pass for
    distance.

    Raises:
        InputError: If no patches match, or only those of one image on a side.
    """
    found = match(synthetic.grids, real.grids, torch.Generator().manual_seed(seed), least)
    if not len(found.first):
        raise InputError(
            f"skvd: of {len(synthetic.grids)} patches none has a real one whose labels agree on {least:.0%} of its "
            "cells; are the classes of both sides the same?"
        )
    first, second = synthetic.images[found.first], real.images[found.second]
    layers = {
        name: _between(rows[found.first].double(), real.features[name][found.second].double(), first, second)
        for name, rows in synthetic.features.items()
    }
    return AlignedDistance(
        layers, len(synthetic.grids), len(found.first), len(torch.unique(found.second)), float(found.agreement.mean())
    )


def _between(a: Tensor, b: Tensor, first: Tensor, second: Tensor) -> float:
    """The mean of k(a, a') + k(b, b') - 2 k(a, b') over pairs of matches that share no image; ``(M, D)`` each."""
    total, count = 0.0, 0
    for rows in torch.split(torch.arange(len(a)), _ROWS):
        apart = (first[rows][:, None] != first) & (second[rows][:, None] != second)
        values = _kernel(a[rows], a) + _kernel(b[rows], b) - 2 * _kernel(a[rows], b)
        total += float(values[apart].sum())
        count += int(apart.sum())
    if not count:
        raise InputError("skvd: all matched patches are from one image; give more images, or more alike ones")
    return total / count


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3
