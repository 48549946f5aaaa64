"""The label-aligned kernel distance between datasets on disk, row by row as `refine evaluate` prints them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from refine.data.layouts import Layout
from refine.data.resampling import resize_ids
from refine.data.samples import Record
from refine.data.store import image_batches
from refine.errors import InputError
from refine.metrics.features import FeatureExtractor
from refine.metrics.skvd import MOST, PATCHES, AlignedDistance, Patches, aligned_distance, describe
from refine.progress import counted


class Segmenter(Protocol):
    """A task model of masks, as far as this module is concerned."""

    @property
    def sha256(self) -> str:
        """Of its checkpoint."""

    def predict(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1] to ``(B, H, W)`` class ids."""


class AlignedRow(NamedTuple):
    """A distance to the real images."""

    distance: AlignedDistance
    images: tuple[int, int]
    """How many on this side and on the real one."""
    at_floor_n: AlignedDistance
    """The same with as many images on each side as the floor has, against the same half of the real ones."""
    floor: int
    """How many those are."""


def require_maps(synthetic: Layout, refined: Layout, real: Layout) -> Layout:
    """Hold three datasets against what `folder_skvd` needs without a segmenter: quick, before any image is read.

    Returns:
        The dataset whose masks are those of the refined images: it itself, or the synthetic one.

    Raises:
        InputError: If the synthetic or the real one has no masks, or the classes differ.
    """
    maps = refined if _masked(refined) else synthetic
    for layout in (real, synthetic):
        _require_masks(layout)
    for layout in (synthetic, maps):
        _require_same_classes(layout, real)
    return maps


def folder_skvd(
    synthetic: Layout,
    refined: Layout,
    real: Layout,
    extractors: Sequence[FeatureExtractor],
    *,
    size: tuple[int, int],
    channels: int = 3,
    segmenter: Segmenter | None = None,
    seed: int = 0,
    batch_size: int = 16,
) -> dict[str, AlignedRow]:
    """`skvd` of a synthetic and a refined dataset to a real one, with the floor: real to real.

    Label maps are the datasets' own masks. A refined dataset without masks takes those of the synthetic images with the
    same keys. With a segmenter, all maps are its predictions, and no dataset needs labels.

    Args:
        synthetic: Before.
        refined: After.
        real: With masks of the same classes, if there is no segmenter; at least 4 images.
        extractors: Networks.
        size: Height and width that all images and maps are brought to.
        channels: 1 or 3.
        segmenter: In eval mode; it decides where it runs.
        seed: Of the places, of the matches and of the halves.
        batch_size: Images at once.

    Returns:
        Rows ``synthetic``, ``refined`` and ``real_floor`` (one half of the real images to the other). Where patches
        would be more than `MOST` a side, fewer are taken of each image.

    Raises:
        InputError: If a dataset has no masks, the classes differ, an image or a label cannot be read, or nothing
            matches.
    """
    layouts = {"real": real, "synthetic": synthetic, "refined": refined}
    maps = dict(layouts)
    if segmenter is None:
        maps["refined"] = require_maps(synthetic, refined, real)
    records = {name: _chosen(layout, seed) for name, layout in layouts.items()}
    counts = {name: len(chosen) for name, chosen in records.items()}
    half = min(counts["real"] // 2, counts["synthetic"], counts["refined"])
    first, second = torch.arange(half), torch.arange(half, 2 * half)  # of orders that are random

    with counted(sum(counts.values()), "skvd") as advance:

        def side(name: str) -> Patches:
            images = image_batches(layouts[name], records[name], channels, size, batch_size)
            maps_of = _Masks(maps[name], layouts[name], size) if segmenter is None else None
            batches = _with_maps(images, [record.key for record in records[name]], maps_of, segmenter, advance)
            return describe(batches, counts[name], extractors, max(1, min(PATCHES, MOST // counts[name])), seed)

        target = side("real")
        half_of_real = target.take(second)
        rows = {}
        for name in ("synthetic", "refined"):
            found = side(name)
            rows[name] = AlignedRow(
                aligned_distance(found, target, seed=seed),
                (counts[name], counts["real"]),
                aligned_distance(found.take(first), half_of_real, seed=seed),
                half,
            )
    floor = aligned_distance(target.take(first), half_of_real, seed=seed)
    rows["real_floor"] = AlignedRow(floor, (half, half), floor, half)
    return rows


class _Masks:
    """A dataset's masks for the images of this or another one, by their keys."""

    def __init__(self, maps: Layout, images: Layout, size: tuple[int, int]) -> None:
        self.maps, self.images, self.size = maps, images, size
        self.records = {record.key: record for record in maps.records()}

    def __call__(self, key: str) -> Tensor:
        if key not in self.records:
            raise InputError(
                f"{self.images.root}: has no masks, and {key} is no image of {self.maps.root}, whose masks would be "
                "taken; give a dataset with its labels, or --segmenter FILE"
            )
        return resize_ids(self.maps.label(self.records[key]).as_subclass(Tensor), self.size)


def _with_maps(
    images: Iterable[Tensor],
    keys: Sequence[str],
    masks: _Masks | None,
    segmenter: Segmenter | None,
    advance: Callable[[int], None],
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of images with their label maps, from one of the two sources."""
    done = 0
    for batch in images:
        if masks is not None:
            yield batch, torch.stack([masks(key) for key in keys[done : done + len(batch)]])
        elif segmenter is not None:
            yield batch, segmenter.predict(batch).cpu()
        done += len(batch)
        advance(len(batch))


def _chosen(layout: Layout, seed: int) -> list[Record]:
    """At most `MOST` images in an order shuffled by seed; those of equally long datasets alike."""
    records = layout.records()
    if len(records) < 4:
        raise InputError(f"{layout.root}: found {len(records)} images, skvd needs at least 4; add more")
    order = torch.randperm(len(records), generator=torch.Generator().manual_seed(seed))
    return [records[index] for index in order[:MOST].tolist()]


def _masked(layout: Layout) -> bool:
    return layout.label_space.kind == "mask"


def _require_masks(layout: Layout) -> None:
    if not _masked(layout):
        kind = layout.label_space.kind
        raise InputError(
            f"{layout.root}: layout {layout.name} has {'no' if kind == 'none' else kind} labels, and skvd matches "
            "patches by the class of each pixel; leave skvd out, or give --segmenter FILE, a task model of masks"
        )
    layout.require_whole()


def _require_same_classes(layout: Layout, real: Layout) -> None:
    if layout.label_space.names != real.label_space.names:
        ours, theirs = (", ".join(each.label_space.names) for each in (layout, real))
        raise InputError(
            f"{layout.root}: has the classes {ours}, but {real.root} has {theirs}; map one to the other (--mapping, "
            "--real-mapping)"
        )
