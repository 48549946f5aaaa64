"""Distances of synthetic and refined images to real ones, with the distance of real ones to each other."""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from refine.data.clusters import load_clusters
from refine.distances.folders import MOST_DESCRIBED, FolderFeatures, folder_features, scan
from refine.distances.result import Evaluation, Score
from refine.distances.scores import (
    FEATURE_METRICS,
    METRICS,
    NEIGHBORS,
    Measures,
    add_change,
    compare,
    count_cautions,
    format_cautions,
    group_cautions,
)
from refine.distances.skvd import Segmenter, aligned_datasets, match_cautions, skvd_scores
from refine.errors import InputError
from refine.files import require_output
from refine.json_files import write_json
from refine.metrics.features import FeatureExtractor, metric_name
from refine.metrics.frechet import LEAST_EXTRAPOLATED
from refine.metrics.intervals import cluster_numbers
from refine.metrics.kernel import KERNEL_RESAMPLES
from refine.metrics.sliced_wasserstein import PATCH, PATCHES, PROJECTIONS, SCALE, draw_places
from refine.terminal import counted

RESIZE = (
    "for swd, skvd and networks without a size of their own: antialiased bilinear, rounded to 8 bits; images of that "
    "size already are left as they are. Other networks resize the files' images themselves, once"
)
PACKAGES = ("sim2real-refine", "torch", "torchvision", "torch-fidelity", "pillow", "numpy", "scipy")
"""What the numbers depend on."""
SWD_RECORD = {
    "patch": PATCH,
    "patches_per_image": PATCHES,
    "projections": PROJECTIONS,
    "most_images": MOST_DESCRIBED,
    "normalized_by": "mean and standard deviation of each channel of the real images",
    "scale": SCALE,
}


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
    refined, output = Path(refined), None if output is None else Path(output)
    metrics = _chosen_metrics(metrics, bool(extractors), infinite)
    if images is not None and layouts[0] != "auto":
        raise InputError("--images and --layout both say which files are images; give one of them")
    if output is not None and output.is_dir():
        raise InputError(f"{output}: is a folder; name the JSON file to write, such as {output / 'metrics.json'}")
    if output is not None and output.resolve().is_relative_to(refined.resolve()):
        raise InputError(
            f"{output}: lies in the refined folder, where `refine verify` takes it for a stray file; "
            "choose another output"
        )
    if "skvd" not in metrics and (segmenter is not None or any(mappings)):
        flag = "--segmenter" if segmenter is not None else "--mapping"
        raise InputError(f"{flag}: is for the label maps that skvd needs; add skvd to --metrics, or leave it out")
    folders = {
        "synthetic": scan(Path(synthetic), 2, images, layouts[0]),
        "refined": scan(refined, 2, images, layouts[0]),
        "real": scan(Path(real), 4, None, layouts[1]),
    }
    clusters = {name: cluster_numbers(load_clusters(groups, folder.keys)) for name, folder in folders.items()}
    channels = 3 if any(folder.color for folder in folders.values()) else 1
    size = size or folders["real"].median_size()
    if "swd" in metrics and min(size) < PATCH:
        raise InputError(f"images of {size[0]}x{size[1]} are too small for swd; give --size HxW, {PATCH} or more")
    aligned = aligned_datasets(folders, mappings, segmenter) if "skvd" in metrics else None
    # skvd is measured on features of patches, the others on those of whole images
    networks = extractors if any(metric not in ("swd", "skvd") for metric in metrics) else ()
    counts = {name: len(folder.images) for name, folder in folders.items()}
    half = min(counts["real"] // 2, counts["synthetic"], counts["refined"])
    k = {metric: neighbors or usual for metric, usual in NEIGHBORS.items() if metric in metrics}
    _require_count(half, k, infinite)
    if output is not None:
        require_output(output.parent)
    places = draw_places(size, torch.Generator().manual_seed(seed)) if "swd" in metrics else None
    measures = Measures(metrics, networks, size, seed, k, groups is not None, infinite)
    # Each side draws for its intervals from its own seed; the refined images draw as the synthetic ones do, where
    # they are the same images, so that the difference is paired.
    paired = folders["synthetic"].keys == folders["refined"].keys
    seeds = {"synthetic": 3 * seed, "refined": 3 * seed + (0 if paired else 1), "real": 3 * seed + 2}

    rows: dict[str, dict[str, Score]] = {}
    with counted(sum(counts.values()), "evaluate") as advance:

        def read(name: str) -> FolderFeatures:
            return folder_features(
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

        everything, before = read("real"), None
        for name in ("synthetic", "refined"):  # one at a time: patches take memory
            distinct = folders[name].path.resolve() != folders["real"].path.resolve()
            draw = (seeds[name], seeds["real"]) if distinct else None
            features = read(name)
            compared = compare(features.whole, everything.whole, measures, seeds=draw)
            plain = measures._replace(infinite=False)
            at_floor_n = compare(features.halves[0], everything.halves[1], plain, seeds=draw)
            if before is not None:
                add_change(compared, before, paired)
            before = compared
            rows[name] = _with_floor_n(compared.scores, at_floor_n.scores)
        floor = compare(*everything.halves, measures).scores
        rows["real_floor"] = _with_floor_n(floor, floor)

    if aligned is not None:
        found = skvd_scores(aligned, extractors, size=size, channels=channels, seed=seed)
        for name, scores in found.items():
            rows[name] |= scores

    dimensions = dict(zip([each.name for each in networks], everything.whole.dimensions, strict=True))
    result: Evaluation = {
        "rows": rows,
        "warnings": [
            *format_cautions(folders),
            *count_cautions(rows, {metric_name("fid", each): dimensions[each.name] for each in networks}),
            *match_cautions(rows),
            *(group_cautions({name: int(each.max()) + 1 for name, each in clusters.items()}) if groups else []),
        ],
        "provenance": {
            "folders": {
                name: {
                    "path": str(folder.path),
                    "layout": folder.layout.name,
                    "images": len(folder.images),
                    "formats": folder.formats,
                }
                for name, folder in folders.items()
            },
            "size": list(size),
            "channels": channels,
            "resize": RESIZE,
            "images": images,
            "layout": layouts[0],
            "real_layout": layouts[1],
            "mapping": mappings[0],
            "real_mapping": mappings[1],
            "extractors": {
                each.name: {
                    "sha256": each.sha256,
                    "dimension": dimensions.get(each.name),  # none where only its layers were asked
                    "resize": each.resize,
                    "input_range": each.input_range,
                }
                for each in extractors
            },
            "metrics": list(metrics),
            "neighbors": k,
            "interval": {"level": 0.95, "resamples": KERNEL_RESAMPLES, "groups": groups} if "kid" in metrics else None,
            "swd": SWD_RECORD if "swd" in metrics else None,
            "skvd": None if aligned is None else aligned.record(),
            "floor": {"n": half, "halves": "disjoint, drawn at random by seed"},
            "seed": seed,
            "batch_size": batch_size,
            "device": str(device),
            "versions": {package: _version(package) for package in PACKAGES},
        },
    }
    if output is not None:
        write_json(result, output)
    return result


def _chosen_metrics(metrics: Sequence[str] | None, networks: bool, infinite: bool) -> tuple[str, ...]:
    """Return the metrics to measure in the order of `METRICS`; None takes swd, and with networks fid and kid."""
    wanted = ("swd", *(("fid", "kid") if networks else ())) if metrics is None else tuple(metrics)
    unknown = [metric for metric in wanted if metric not in METRICS]
    if unknown:
        raise InputError(f"--metrics {unknown[0]}: no such metric; choose from {', '.join(METRICS)}")
    if not wanted:
        raise InputError(f"nothing to measure: choose from {', '.join(METRICS)} (swd needs no weights)")
    on_features = [metric for metric in wanted if metric in FEATURE_METRICS]
    if on_features and not networks:
        raise InputError(f"--metrics {on_features[0]}: is measured on a network's features; give --features NAME")
    if networks and not on_features:
        raise InputError("--features: a network is given, but no metric that is measured on it; add fid or kid")
    if infinite and "fid" not in wanted:
        raise InputError("--infinite: extrapolates FID, which is not measured; add a network (--features) and fid")
    return tuple(metric for metric in METRICS if metric in wanted)


def _require_count(half: int, neighbors: Mapping[str, int], infinite: bool) -> None:
    """Refuse metrics for which there are too few images on each side of the floor."""
    for metric, count in neighbors.items():
        if half <= count:
            raise InputError(
                f"--metrics {metric}: {count} neighbors need {count + 1} images on each side and in each half of the "
                f"real ones, found {half}; add images or choose fewer --neighbors"
            )
    if infinite and half < LEAST_EXTRAPOLATED:
        raise InputError(
            f"--infinite: needs {LEAST_EXTRAPOLATED} images on each side and in each half of the real ones, found "
            f"{half}; add images"
        )


def _with_floor_n(scores: dict[str, Score], at_floor_n: dict[str, Score]) -> dict[str, Score]:
    return {name: {**score, "at_floor_n": at_floor_n[name]} for name, score in scores.items()}


def _version(package: str) -> str | None:
    """Return the version of a package; None where it is not installed, such as a bare checkout of ours."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
