"""The label-aligned kernel distance between datasets on disk, as `refine evaluate` prints and keeps it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from refine.data.layouts import Layout
from refine.data.mapping import Mapped, load_mapping
from refine.data.samples import Record
from refine.data.store import image_batches
from refine.distances.folders import Folder
from refine.distances.result import Score
from refine.errors import InputError
from refine.labels import KINDS
from refine.labels.masks import resize_ids
from refine.metrics.features import FeatureExtractor
from refine.metrics.skvd import (
    GRID,
    LEAST_AGREEMENT,
    MOST_PATCHES,
    PATCH_SHARE,
    PATCHES_PER_IMAGE,
    AlignedDistance,
    AlignedPatches,
    aligned_distance,
    describe_patches,
)
from refine.terminal import counted

LEAST_MATCHED = 0.5
"""Share of the patches; with fewer matched, a warning says so."""
BATCH = 16
"""Images that are read and described at once."""


class Segmenter(Protocol):
    """A task model of masks, as far as this module is concerned."""

    @property
    def sha256(self) -> str:
        """Digest of its checkpoint."""

    def predict(self, images: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [-1, 1] to ``(B, H, W)`` class ids."""


class AlignedDatasets(NamedTuple):
    """Three datasets whose label maps speak of the same classes, with whose masks are the maps of each."""

    images: dict[str, Layout]
    """``synthetic``, ``refined`` and ``real``."""
    maps: dict[str, Layout]
    """The same; a refined dataset without masks takes those of the synthetic images with the same keys."""
    segmenter: Segmenter | None
    """Draws all label maps, if there is one; then no dataset needs labels."""

    def record(self) -> dict[str, object]:
        """Return the settings of the distance, for the record of an evaluation."""
        return {
            "patch": f"a square of one {PATCH_SHARE}th of an image",
            "patches_per_image": PATCHES_PER_IMAGE,
            "most_patches": MOST_PATCHES,
            "grid": GRID,
            "least_agreement": LEAST_AGREEMENT,
            "maps": "masks" if self.segmenter is None else {"segmenter": self.segmenter.sha256},
        }


def aligned_datasets(
    folders: Mapping[str, Folder], mappings: tuple[str | None, str | None], segmenter: Segmenter | None
) -> AlignedDatasets:
    """Hold three datasets against what the distance needs, before any image is read.

    Args:
        folders: ``synthetic``, ``refined`` and ``real``.
        mappings: From the classes of the first two, and of the last one, to common ones, as `load_mapping` takes them.
        segmenter: Draws all label maps, if there is one.

    Raises:
        InputError: If images were chosen by a glob, so that there are no labels; or without a segmenter, if the
            synthetic or the real dataset has no masks, or the classes differ.
    """
    layouts = {name: folder.layout for name, folder in folders.items()}
    if segmenter is None:
        of_refined = mappings[0] if _has_masks(layouts["refined"]) else None
        chosen = {"synthetic": mappings[0], "refined": of_refined, "real": mappings[1]}
        for name, mapping in chosen.items():
            if mapping is not None:
                layouts[name] = Mapped(layouts[name], load_mapping(mapping))
    for folder in folders.values():
        if len(folder.images) != len(folder.layout.records()):
            raise InputError(
                f"{folder.path}: --images chooses {len(folder.images)} of its images, and skvd takes a whole dataset "
                "with its labels; say how it lies with --layout instead"
            )
    maps = dict(layouts)
    if segmenter is None:
        if not _has_masks(layouts["refined"]):
            maps["refined"] = layouts["synthetic"]
        for layout in (layouts["real"], layouts["synthetic"]):
            if not _has_masks(layout):
                kind = layout.label_space.kind if layout.label_space.is_labeled else "no"
                raise InputError(
                    f"{layout.root}: layout {layout.name} has {kind} labels, and skvd matches patches by the class of "
                    "each pixel; leave skvd out, or give --segmenter FILE, a task model of masks"
                )
            layout.require_whole()
        real = layouts["real"]
        for layout in (maps["synthetic"], maps["refined"]):
            if layout.label_space.names != real.label_space.names:
                ours, theirs = (", ".join(each.label_space.names) for each in (layout, real))
                raise InputError(
                    f"{layout.root}: has the classes {ours}, but {real.root} has {theirs}; map one to the other "
                    "(--mapping, --real-mapping)"
                )
    return AlignedDatasets(layouts, maps, segmenter)


def _has_masks(layout: Layout) -> bool:
    return layout.label_space.is_labeled and KINDS[layout.label_space.kind].per_pixel


def skvd_scores(
    datasets: AlignedDatasets,
    extractors: Sequence[FeatureExtractor],
    *,
    size: tuple[int, int],
    channels: int,
    seed: int,
) -> dict[str, dict[str, Score]]:
    """Measure ``skvd[layer]`` of the rows ``synthetic``, ``refined`` and ``real_floor`` (real to real).

    Where patches would be more than `MOST_PATCHES` a side, fewer are taken of each image.

    Args:
        datasets: From `aligned_datasets`; a segmenter decides where it runs.
        extractors: Networks.
        size: Height and width that all images and maps are brought to.
        channels: 1 or 3.
        seed: Seed of the places, of the matches and of the halves.

    Raises:
        InputError: If there are too few images, an image or a label cannot be read, or nothing matches.
    """
    records = {name: _chosen(layout, seed) for name, layout in datasets.images.items()}
    counts = {name: len(chosen) for name, chosen in records.items()}
    half = min(counts["real"] // 2, counts["synthetic"], counts["refined"])
    first, second = torch.arange(half), torch.arange(half, 2 * half)  # of orders that are random

    with counted(sum(counts.values()), "skvd") as advance:

        def patches_of(name: str) -> AlignedPatches:
            images = image_batches(datasets.images[name], records[name], channels, size, BATCH)
            batches = _with_maps(images, [record.key for record in records[name]], datasets, name, size, advance)
            each = max(1, min(PATCHES_PER_IMAGE, MOST_PATCHES // counts[name]))
            return describe_patches(batches, counts[name], extractors, each, seed)

        real = patches_of("real")
        half_of_real = real.take(second)
        rows = {}
        for name in ("synthetic", "refined"):
            found = patches_of(name)
            whole = aligned_distance(found, real, seed=seed)
            at_floor_n = aligned_distance(found.take(first), half_of_real, seed=seed)
            rows[name] = _scores(whole, [counts[name], counts["real"]], at_floor_n, half)
    floor = aligned_distance(real.take(first), half_of_real, seed=seed)
    rows["real_floor"] = _scores(floor, [half, half], floor, half)
    for name, score in rows["refined"].items():
        score["change"] = {"value": score["value"] - rows["synthetic"][name]["value"]}
    return rows


def _chosen(layout: Layout, seed: int) -> list[Record]:
    """At most `MOST_PATCHES` images in an order shuffled by seed; those of equally long datasets alike."""
    records = layout.records()
    if len(records) < 4:
        raise InputError(f"{layout.root}: found {len(records)} images, skvd needs at least 4; add more")
    order = torch.randperm(len(records), generator=torch.Generator().manual_seed(seed))
    return [records[index] for index in order[:MOST_PATCHES].tolist()]


def _with_maps(
    images: Iterable[Tensor],
    keys: Sequence[str],
    datasets: AlignedDatasets,
    name: str,
    size: tuple[int, int],
    advance: Callable[[int], None],
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of images with their label maps: masks by the images' keys, or what the segmenter draws."""
    maps, segmenter = datasets.maps[name], datasets.segmenter
    records = {} if segmenter is not None else {record.key: record for record in maps.records()}

    def mask(key: str) -> Tensor:
        if key not in records:
            raise InputError(
                f"{datasets.images[name].root}: has no masks, and {key} is no image of {maps.root}, whose masks would "
                "be taken; give a dataset with its labels, or --segmenter FILE"
            )
        return resize_ids(maps.label(records[key]).as_subclass(Tensor), size)

    done = 0
    for batch in images:
        chosen = keys[done : done + len(batch)]
        yield batch, torch.stack(list(map(mask, chosen))) if segmenter is None else segmenter.predict(batch).cpu()
        done += len(batch)
        advance(len(batch))


def _scores(distance: AlignedDistance, images: list[int], at_floor_n: AlignedDistance, half: int) -> dict[str, Score]:
    return {
        f"skvd[{layer}]": {**_score(distance, layer, images), "at_floor_n": _score(at_floor_n, layer, [half, half])}
        for layer in distance.layers
    }


def _score(distance: AlignedDistance, layer: str, images: list[int]) -> Score:
    return {
        "value": distance.layers[layer],
        "n": images,
        "matched": {
            "patches": distance.patches,
            "matched": distance.matched,
            "real": distance.used,
            "agreement": distance.agreement,
        },
    }


def match_cautions(rows: Mapping[str, Mapping[str, Score]]) -> list[str]:
    """Return a sentence for each row of which `skvd` could compare few patches."""
    found = []
    for name, scores in rows.items():
        counts = [score["matched"] for score in scores.values() if "matched" in score][:1]
        found += [
            f"skvd compares only {each['matched']} of {each['patches']} patches of the {name.replace('_', ' ')} row: "
            "the others have no real patch whose labels agree on half of it"
            for each in counts
            if each["matched"] < LEAST_MATCHED * each["patches"]
        ]
    return found
