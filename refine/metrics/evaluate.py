"""How far synthetic and refined images are from real ones, beside how far real ones are from each other."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from refine.data.clusters import load_clusters
from refine.errors import InputError
from refine.files import require_output, write_json
from refine.metrics.aligned_scores import aligned_scores, aligned_sides, match_cautions, skvd_record
from refine.metrics.cautions import count_cautions, format_cautions, group_cautions
from refine.metrics.distances import metric_name
from refine.metrics.evaluation_record import extractor_record, folder_record, package_versions, swd_record
from refine.metrics.evaluation_request import (
    check_count,
    check_labels,
    check_output,
    chosen_metrics,
    neighbors_of,
    whole_images,
)
from refine.metrics.features import FeatureExtractor
from refine.metrics.folder_skvd import Segmenter
from refine.metrics.folders import Folder, scan
from refine.metrics.intervals import cluster_numbers
from refine.metrics.kernel_interval import RESAMPLES
from refine.metrics.patches import PATCH, draw_places
from refine.metrics.result import Evaluation, Score
from refine.metrics.scores import Compared, Measures, add_change, compare
from refine.metrics.sides import Side, read_side
from refine.progress import counted

RESIZE = (
    "for swd, skvd and networks without a size of their own: antialiased bilinear, rounded to 8 bits; images of that "
    "size already are left as they are. Other networks resize the files' images themselves, once"
)


def evaluate(
    synthetic: Path | str,
    refined: Path | str,
    real: Path | str,
    *,
    metrics: Sequence[str] | None = None,
    extractors: Sequence[FeatureExtractor] = (),
    neighbors: int | None = None,
    infinite: bool = False,
    groups: str | None = None,
    size: tuple[int, int] | None = None,
    images: str | None = None,
    layouts: tuple[str, str] = ("auto", "auto"),
    mappings: tuple[str | None, str | None] = (None, None),
    segmenter: Segmenter | None = None,
    output: Path | str | None = None,
    seed: int = 0,
    batch_size: int = 32,
    device: torch.device | str = "cpu",
) -> Evaluation:
    """Distances of two folders of images to a folder of real ones, with the floor that real images set.

    The floor is the distance between two disjoint random halves of the real images, M each. Every row is given
    with all images and again at M, against the same half.

    Args:
        synthetic: Any tree of images.
        refined: Any tree of images.
        real: Any tree of images, at least 4.
        metrics: Some of `METRICS`; None takes swd (the sliced Wasserstein distance, of at most 2048 images a side),
            and fid and kid where there are extractors.
        extractors: Networks whose features all metrics but swd are measured on.
        neighbors: k of precision, recall, density and coverage; None takes 3 for the first two and 5 for the others.
        infinite: Whether to extrapolate FID to infinitely many images as well.
        groups: Which images hang together, as `load_clusters` takes it, in all three folders.
        size: Height and width that all images are resized to for swd, skvd and networks that take images as they
            come; None takes the median of the real images. Networks with a size of their own, such as Inception's,
            resize the images of the files, once.
        images: Glob of relative paths, as `refine apply` takes it, for the synthetic and the refined folder, where
            not every image file in them is a picture (masks, depth); None takes what the layout lists.
        layouts: How the synthetic and the refined folder lie, and how the real one does.
        mappings: For skvd: from the classes of the first two, and of the real one, to common ones (`load_mapping`).
        segmenter: For skvd: draws the label maps of all images; None takes the folders' own masks.
        output: JSON file to write, whole or not at all.
        seed: Of the halves, the patches and their projections, the intervals and the samples.
        batch_size: Images at once. Another one moves Inception features by about a thousandth.
        device: Where `swd` is computed; each extractor decides for itself.

    Raises:
        InputError: If a folder holds too few images, an image cannot be read, the size is too small, the metrics
            do not fit the extractors, or the output cannot be written or lies in the refined folder.
    """
    synthetic, refined, real = map(Path, (synthetic, refined, real))
    output = None if output is None else Path(output)
    metrics = chosen_metrics(metrics, bool(extractors), infinite)
    if images is not None and layouts[0] != "auto":
        raise InputError("--images and --layout both say which files are images; give one of them")
    check_output(output, refined)
    check_labels(metrics, mappings, segmenter is not None)
    folders = {
        "synthetic": scan(synthetic, 2, images, layouts[0]),
        "refined": scan(refined, 2, images, layouts[0]),
        "real": scan(real, 4, None, layouts[1]),
    }
    clusters = {name: _clusters(groups, folder) for name, folder in folders.items()}
    channels = 3 if any(folder.color for folder in folders.values()) else 1
    size = size or folders["real"].median_size()
    if "swd" in metrics and min(size) < PATCH:
        raise InputError(f"images of {size[0]}x{size[1]} are too small for swd; give --size HxW, {PATCH} or more")
    aligned = aligned_sides(folders, mappings, segmenter) if "skvd" in metrics else None
    networks = extractors if whole_images(metrics) else ()
    counts = {name: len(folder.images) for name, folder in folders.items()}
    half = min(counts["real"] // 2, counts["synthetic"], counts["refined"])
    check_count(half, neighbors_of(metrics, neighbors), infinite)
    if output is not None:
        require_output(output.parent)
    places = draw_places(size, torch.Generator().manual_seed(seed)) if "swd" in metrics else None
    measures = Measures(metrics, networks, size, seed, neighbors_of(metrics, neighbors), groups is not None, infinite)
    # Each side draws for its intervals from its own seed; the refined images draw as the synthetic ones do, where
    # they are the same images, so that the difference is paired.
    keys = [[record.key for record in folders[name].images] for name in ("synthetic", "refined")]
    paired = keys[0] == keys[1]
    seeds = {"synthetic": 3 * seed, "refined": 3 * seed + (0 if paired else 1), "real": 3 * seed + 2}

    def row(name: str, side: Side, everything: Side) -> tuple[Compared, Compared]:
        """With all images, and at the floor's number."""
        distinct = folders[name].path.resolve() != folders["real"].path.resolve()
        draw = (seeds[name], seeds["real"]) if distinct else None
        return (
            compare(side.whole, everything.whole, measures, seeds=draw),
            compare(side.halves[0], everything.halves[1], measures._replace(infinite=False), seeds=draw),
        )

    rows: dict[str, dict[str, Score]] = {}
    with counted(sum(counts.values()), "evaluate") as advance:

        def read(name: str) -> Side:
            return read_side(
                folders[name],
                channels=channels,
                size=size,
                extractors=networks,
                half=half,
                keep=measures.keep,
                moments="fid" in metrics,
                clusters=clusters[name],
                places=places,
                seed=seed,
                batch_size=batch_size,
                device=device,
                advance=advance,
            )

        everything = read("real")
        before = None
        for name in ("synthetic", "refined"):  # one at a time: patches take memory
            compared, at_floor_n = row(name, read(name), everything)
            if before is not None:
                add_change(compared, before, paired)
            before = compared
            rows[name] = _with_floor_n(compared.scores, at_floor_n.scores)
        floor = compare(*everything.halves, measures).scores
        rows["real_floor"] = _with_floor_n(floor, floor)

    if aligned is not None:
        for name, scores in aligned_scores(aligned, extractors, size, channels, seed).items():
            rows[name] |= scores

    names = [extractor.name for extractor in networks]
    dimensions = dict(zip(names, everything.whole.dimensions, strict=True))
    result: Evaluation = {
        "rows": rows,
        "warnings": [
            *format_cautions(folders),
            *count_cautions(rows, {metric_name("fid", each): dimensions[each.name] for each in networks}),
            *match_cautions(rows),
            *(group_cautions({name: int(each.max()) + 1 for name, each in clusters.items()}) if groups else []),
        ],
        "provenance": {
            "folders": {name: folder_record(folder) for name, folder in folders.items()},
            "size": list(size),
            "channels": channels,
            "resize": RESIZE,
            "images": images,
            "layout": layouts[0],
            "real_layout": layouts[1],
            "mapping": mappings[0],
            "real_mapping": mappings[1],
            "extractors": {each.name: extractor_record(each, dimensions.get(each.name)) for each in extractors},
            "metrics": list(metrics),
            "neighbors": neighbors_of(metrics, neighbors),
            "interval": {"level": 0.95, "resamples": RESAMPLES, "groups": groups} if "kid" in metrics else None,
            "swd": swd_record() if "swd" in metrics else None,
            "skvd": skvd_record(aligned) if aligned is not None else None,
            "floor": {"n": half, "halves": "disjoint, drawn at random by seed"},
            "seed": seed,
            "batch_size": batch_size,
            "device": str(device),
            "versions": package_versions(),
        },
    }
    if output is not None:
        write_json(result, output)
    return result


def _clusters(groups: str | None, folder: Folder) -> Tensor:
    return cluster_numbers(load_clusters(groups, [record.key for record in folder.images]))


def _with_floor_n(scores: dict[str, Score], at_floor_n: dict[str, Score]) -> dict[str, Score]:
    return {name: {**score, "at_floor_n": at_floor_n[name]} for name, score in scores.items()}
