"""A kernel distance between two domains in which like is compared with like: patches whose labels agree."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.errors import InputError
from refine.metrics.features import FeatureExtractor, layers_of
from refine.metrics.segmentation import IGNORE

PATCH_SHARE = 8
"""A patch has one eighth of an image's pixels."""
GRID = 16
"""Cells on a side of a patch's label map."""
LEAST_AGREEMENT = 0.5
"""Share of the cells of two patches that must agree."""
PATCHES_PER_IMAGE = 8
"""Where that does not make more than `MOST_PATCHES`."""
MOST_PATCHES = 4096
"""Patches of a side: their kernel matrix takes a few seconds a layer."""
_ROWS = 1024  # patches that are matched or compared at once: bounds memory


class AlignedPatches(NamedTuple):
    """Features and label maps of the patches of one side."""

    features: dict[str, Tensor]
    """``(P, D)`` float32 on the CPU, by the name of each layer."""
    grids: Tensor
    """``(P, 256)`` uint8: class ids at the centers of 16x16 cells."""
    images: Tensor
    """``(P,)`` int64: number of the image that a patch is from."""

    def take(self, images: Tensor) -> "AlignedPatches":
        """Return the patches of these images."""
        kept = torch.isin(self.images, images)
        features = {name: rows[kept] for name, rows in self.features.items()}
        return AlignedPatches(features, self.grids[kept], self.images[kept])


class PatchMatches(NamedTuple):
    """Pairs of patches, one a row."""

    first: Tensor
    """``(M,)`` int64: places of the patches that were matched."""
    second: Tensor
    """``(M,)`` int64: places of the ones that they were matched with; some occur more than once."""
    agreement: Tensor
    """``(M,)`` float32: share of cells of one class in both."""


class AlignedDistance(NamedTuple):
    """The distance, and how much of the two sides could be compared."""

    layers: dict[str, float]
    """By the name of each layer, early first; 0 in expectation where matched patches look alike."""
    patches: int
    """Patches of the synthetic side."""
    matched: int
    """Those of them with a real patch that agrees enough."""
    used: int
    """Different real patches among the matches."""
    agreement: float
    """Mean share of cells that agree, of the matched."""


def patch_side(size: tuple[int, int]) -> int:
    """Return height and width of a patch of an image of this height and width, in pixels."""
    return max(1, min(int((size[0] * size[1] / PATCH_SHARE) ** 0.5), *size))


def draw_corners(size: tuple[int, int], images: int, count: int, generator: torch.Generator) -> Tensor:
    """Draw ``(images, count, 2)`` int64 upper left corners (y, x) of patches, anywhere inside."""
    free = torch.tensor([length - patch_side(size) + 1 for length in size])
    # an image at a time: so the places do not depend on how many come at once
    draws = [torch.rand(count, 2, generator=generator, dtype=torch.float64) for _ in range(images)]
    return (torch.stack(draws) * free).long()


def cut_patches(images: Tensor, corners: Tensor) -> Tensor:
    """Cut patches out of images.

    Args:
        images: ``(B, C, H, W)``, or label maps ``(B, H, W)``, of any type.
        corners: ``(B, P, 2)`` from `draw_corners`.

    Returns:
        ``(B * P, C, S, S)`` or ``(B * P, S, S)``, the patches of the first image first.
    """
    side = patch_side((images.shape[-2], images.shape[-1]))
    return torch.stack(
        [
            image[..., y : y + side, x : x + side]
            for image, places in zip(images, corners.tolist(), strict=True)
            for y, x in places
        ]
    )


def label_grids(maps: Tensor) -> Tensor:
    """``(P, S, S)`` class ids below 256 to ``(P, 256)`` uint8: the ids at the centers of 16x16 cells."""
    cells: Tensor = F.interpolate(maps[:, None].to(torch.uint8), size=(GRID, GRID), mode="nearest-exact")
    return cells.flatten(1)


def equal_cells(first: Tensor, second: Tensor) -> Tensor:
    """Count the cells that are of one class in both.

    Args:
        first: ``(A, G)`` uint8; 255 is no class and agrees with nothing.
        second: ``(B, G)`` uint8.

    Returns:
        ``(A, B)`` float32, whole numbers up to G.
    """
    counts = torch.zeros(len(first), len(second), device=first.device)
    for number in torch.unique(first).tolist():
        if number != IGNORE:
            counts += (first == number).float() @ (second == number).float().T
    return counts


def match_patches(
    first: Tensor, second: Tensor, generator: torch.Generator, least: float = LEAST_AGREEMENT
) -> PatchMatches:
    """Find for each patch of one domain the patch of the other whose label map is most like its own.

    Args:
        first: ``(A, G)`` uint8 from `label_grids`.
        second: ``(B, G)`` uint8.
        generator: Chooses among equally good patches: a road is like any other.
        least: Share of the cells that must agree for a pair to be kept.
    """
    found, best = [], []
    for rows in torch.split(first, _ROWS):
        counts = equal_cells(rows, second)
        noise = torch.rand(counts.shape, generator=generator).to(counts.device)  # below 1: counts are whole
        chosen = (counts + noise).argmax(dim=1)
        found.append(chosen)
        best.append(counts.gather(1, chosen[:, None])[:, 0] / first.shape[1])
    share, second_index = torch.cat(best), torch.cat(found)
    kept = (share >= least).nonzero()[:, 0]
    return PatchMatches(kept, second_index[kept], share[kept])


def describe_patches(
    batches: Iterable[tuple[Tensor, Tensor]],
    count: int,
    extractors: Sequence[FeatureExtractor],
    patches: int,
    seed: int,
) -> AlignedPatches:
    """Cut patches out of images as they come, and keep their features and label maps.

    Args:
        batches: Images ``(B, C, H, W)`` in [-1, 1] with maps ``(B, H, W)`` of class ids, 255 for none, all of one size.
        count: Images in all.
        extractors: Networks; one with layers gives features for each.
        patches: Patches of each image: squares of an eighth of its area.
        seed: Seed of the places: with the same, two sides of equally many images are cut at the same places.

    Raises:
        InputError: If a network gives NaN or infinity.
    """
    generator = torch.Generator().manual_seed(seed)
    features: dict[str, list[Tensor]] = {}
    cells: list[Tensor] = []
    for images, maps in batches:
        corners = draw_corners((images.shape[-2], images.shape[-1]), len(images), patches, generator)
        cells.append(label_grids(cut_patches(maps, corners)))
        pieces = cut_patches(images, corners)
        for extractor in extractors:
            for name, found in layers_of(extractor, pieces).items():
                if not found.isfinite().all():
                    raise InputError(f"features {name!r} are NaN or infinite; retrain that model")
                features.setdefault(name, []).append(found.float().cpu())
    return AlignedPatches(
        {name: torch.cat(found) for name, found in features.items()},
        torch.cat(cells),
        torch.arange(count).repeat_interleave(patches),
    )


def aligned_distance(synthetic: AlignedPatches, real: AlignedPatches, *, seed: int = 0) -> AlignedDistance:
    """Label-aligned kernel distance between patches of two domains, layer by layer.

    Each synthetic patch is matched with the real one whose label map agrees with its own on most of 16x16 cells, and
    left out if fewer than half agree. Between the features of the matched patches stands the squared maximum mean
    discrepancy under KID's cubic kernel. Another layout of the scene so moves KID, and this hardly.

    A matched pair is one draw of both domains under one layout. The mean goes over pairs of such draws, as in the
    unbiased estimate by Gretton et al. 2012 (JMLR 13, lemma 6 with equal numbers), except those that share an image:
    patches of one image, or one real patch matched twice, are more alike than two of the domain, and would pass for
    distance.

    Args:
        synthetic: From `describe_patches`.
        real: The same.
        seed: Seed of the choice among equal matches.

    Raises:
        InputError: If no patches match, or only those of one image on a side.

    Source:
        Semantically aligned kernel VGG distance (sKVD) of Richter et al. 2021, "Enhancing Photorealism Enhancement",
        arXiv 2105.04619, section on metrics; kernel of Bińkowski et al. 2018, arXiv 1801.01401. Their code of it is not
        public. What differs here, or was not stated: "1/8 of the image" is read as of its area, not of its sides; the
        maps are those that the caller has, not MSeg's; a patch's features are averaged over its places; ties among
        matches are broken at random; several patches of an image may be drawn, and so pairs of patches that share an
        image are left out of the mean.
    """
    found = match_patches(synthetic.grids, real.grids, torch.Generator().manual_seed(seed))
    if not len(found.first):
        raise InputError(
            f"skvd: of {len(synthetic.grids)} patches none has a real one whose labels agree on {LEAST_AGREEMENT:.0%} "
            "of its cells; are the classes of both sides the same?"
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
    """Mean of k(a, a') + k(b, b') - 2 k(a, b') over pairs of matches that share no image; ``(M, D)`` each."""
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
