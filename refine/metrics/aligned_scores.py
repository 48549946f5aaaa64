"""The label-aligned kernel distance as `refine evaluate` prints and keeps it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from refine.data.layouts import Layout
from refine.data.mapping import Mapped, load_mapping
from refine.errors import InputError
from refine.metrics.aligned_patches import GRID, LEAST, SHARE
from refine.metrics.features import FeatureExtractor
from refine.metrics.folder_skvd import AlignedRow, Segmenter, folder_skvd, require_maps
from refine.metrics.folders import Folder
from refine.metrics.result import Score
from refine.metrics.skvd import MOST, PATCHES, AlignedDistance

FEW = 0.5
"""Of the patches; with fewer matched, a warning says so."""


class Aligned(NamedTuple):
    """Three datasets whose label maps speak of the same classes."""

    synthetic: Layout
    refined: Layout
    real: Layout
    segmenter: Segmenter | None


def aligned_sides(
    folders: Mapping[str, Folder], mappings: tuple[str | None, str | None], segmenter: Segmenter | None
) -> Aligned:
    """What `skvd` compares, held against its needs before any image is read.

    Args:
        folders: ``synthetic``, ``refined`` and ``real``.
        mappings: From the classes of the first two, and of the last one, to common ones, as `load_mapping` takes them.
        segmenter: Draws all label maps, if there is one.

    Raises:
        InputError: As `require_maps`, or if images were chosen by a glob, so that there are no labels.
    """
    before, after, real = (
        layout if mapping is None or segmenter is not None else Mapped(layout, load_mapping(mapping))
        for layout, mapping in (
            (folders["synthetic"].layout, mappings[0]),
            (folders["refined"].layout, mappings[0] if folders["refined"].layout.label_space.kind == "mask" else None),
            (folders["real"].layout, mappings[1]),
        )
    )
    for folder in folders.values():
        if len(folder.images) != len(folder.layout.records()):
            raise InputError(
                f"{folder.path}: --images chooses {len(folder.images)} of its images, and skvd takes a whole dataset "
                "with its labels; say how it lies with --layout instead"
            )
    if segmenter is None:
        require_maps(before, after, real)
    return Aligned(before, after, real, segmenter)


def aligned_scores(
    sides: Aligned, extractors: Sequence[FeatureExtractor], size: tuple[int, int], channels: int, seed: int
) -> dict[str, dict[str, Score]]:
    """Scores ``skvd[layer]`` of the rows ``synthetic``, ``refined`` and ``real_floor``.

    Args:
        sides: From `aligned_sides`.
        extractors: Networks.
        size: Height and width that all images are brought to.
        channels: 1 or 3.
        seed: Of places, matches and halves.

    Raises:
        InputError: As `folder_skvd`.
    """
    found = folder_skvd(
        sides.synthetic,
        sides.refined,
        sides.real,
        extractors,
        size=size,
        channels=channels,
        segmenter=sides.segmenter,
        seed=seed,
    )
    rows = {name: _scores(row) for name, row in found.items()}
    for name, score in rows["refined"].items():
        score["change"] = {"value": score["value"] - rows["synthetic"][name]["value"]}
    return rows


def _scores(row: AlignedRow) -> dict[str, Score]:
    return {
        f"skvd[{layer}]": {
            **_score(row.distance, layer, row.images),
            "at_floor_n": _score(row.at_floor_n, layer, (row.floor, row.floor)),
        }
        for layer in row.distance.layers
    }


def _score(distance: AlignedDistance, layer: str, images: tuple[int, int]) -> Score:
    return {
        "value": distance.layers[layer],
        "n": list(images),
        "matched": {
            "patches": distance.patches,
            "matched": distance.matched,
            "real": distance.used,
            "agreement": distance.agreement,
        },
    }


def match_cautions(rows: Mapping[str, Mapping[str, Score]]) -> list[str]:
    """A sentence for each row of which `skvd` could compare few patches."""
    found = []
    for name, scores in rows.items():
        counts = [score["matched"] for score in scores.values() if "matched" in score][:1]
        found += [
            f"skvd compares only {each['matched']} of {each['patches']} patches of the {name.replace('_', ' ')} row: "
            "the others have no real patch whose labels agree on half of it"
            for each in counts
            if each["matched"] < FEW * each["patches"]
        ]
    return found


def skvd_record(sides: Aligned) -> dict[str, object]:
    """The settings of the label-aligned distance."""
    return {
        "patch": f"a square of one {SHARE}th of an image",
        "patches_per_image": PATCHES,
        "most_patches": MOST,
        "grid": GRID,
        "least_agreement": LEAST,
        "maps": "masks" if sides.segmenter is None else {"segmenter": sides.segmenter.sha256},
    }
