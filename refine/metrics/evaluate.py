"""How far synthetic and refined images are from real ones, beside how far real ones are from each other."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import Tensor

from refine.errors import InputError
from refine.files import claim_output, write_json
from refine.metrics.distances import frechet, kernel, metric_name
from refine.metrics.features import FeatureExtractor
from refine.metrics.patches import PATCH, PATCHES, draw_places, level_sizes
from refine.metrics.result import Evaluation, Score
from refine.metrics.sides import MOST_DESCRIBED, Folder, Side, progress, read_side, scan
from refine.metrics.sliced_wasserstein import PROJECTIONS, SCALE, descriptor_distance

PACKAGES = ("sim2real-refine", "torch", "torchvision", "torchmetrics", "torch-fidelity", "pillow", "numpy")
RESIZE = "antialiased bilinear, rounded to 8 bits; images of that size already are left as they are"
SWD_RECORD = {
    "patch": PATCH,
    "patches_per_image": PATCHES,
    "projections": PROJECTIONS,
    "most_images": MOST_DESCRIBED,
    "normalized_by": "mean and standard deviation of each channel of the real images",
    "scale": SCALE,
}


def evaluate(
    synthetic: Path,
    refined: Path,
    real: Path,
    *,
    swd: bool = True,
    extractors: Sequence[FeatureExtractor] = (),
    size: tuple[int, int] | None = None,
    images: str | None = None,
    layouts: tuple[str, str] = ("auto", "auto"),
    output: Path | None = None,
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
        swd: Whether to measure the sliced Wasserstein distance (of at most 2048 images a side).
        extractors: Networks whose features FID and KID are measured on.
        size: Height and width that all images are resized to; None takes the median of the real images.
        images: Glob of relative paths, as `refine apply` takes it, for the synthetic and the refined folder, where
            not every image file in them is a picture (masks, depth); None takes what the layout lists.
        layouts: How the synthetic and the refined folder lie, and how the real one does.
        output: JSON file to write, whole or not at all.
        seed: Of the halves, the patches and their projections.
        batch_size: Images at once. Another one moves Inception features by about a thousandth.
        device: Where `swd` is computed; each extractor decides for itself.

    Raises:
        InputError: If a folder holds too few images, an image cannot be read, the size is too small, or the
            output cannot be written or lies in the refined folder.
    """
    if not swd and not extractors:
        raise InputError("nothing to measure: choose features (swd needs no weights)")
    if images is not None and layouts[0] != "auto":
        raise InputError("--images and --layout both say which files are images; give one of them")
    if output is not None and output.is_dir():
        raise InputError(f"{output}: is a folder; name the JSON file to write, such as {output / 'metrics.json'}")
    if output is not None and output.resolve().is_relative_to(refined.resolve()):
        raise InputError(
            f"{output}: lies in the refined folder, where `refine verify` takes it for a stray file; "
            "choose another output"
        )
    folders = {
        "synthetic": scan(synthetic, 2, images, layouts[0]),
        "refined": scan(refined, 2, images, layouts[0]),
        "real": scan(real, 4, None, layouts[1]),
    }
    if output is not None:
        claim_output(output.parent)
    channels = 3 if any(folder.color for folder in folders.values()) else 1
    size = size or folders["real"].median_size()
    if swd and min(size) < PATCH:
        raise InputError(f"images of {size[0]}x{size[1]} are too small for swd; give --size HxW, {PATCH} or more")
    places = draw_places(size, torch.Generator().manual_seed(seed)) if swd else None
    counts = {name: len(folder.images) for name, folder in folders.items()}
    half = min(counts["real"] // 2, counts["synthetic"], counts["refined"])

    def compare(side: Side, reference: Side) -> dict[str, Score]:
        scores = _compare_patches(side, reference, size, seed) if swd else {}
        for extractor, a, b in zip(extractors, side.features, reference.features, strict=True):
            n = [side.images, reference.images]
            scores[metric_name("fid", extractor)] = {"value": frechet(a, b), "n": n}
            scores[metric_name("kid", extractor)] = {"value": kernel(a, b), "n": n}
        return scores

    rows: dict[str, dict[str, Score]] = {}
    with progress(sum(counts.values())) as advance:

        def read(name: str) -> Side:
            return read_side(
                folders[name],
                channels=channels,
                size=size,
                extractors=extractors,
                places=places,
                seed=seed,
                batch_size=batch_size,
                device=device,
                advance=advance,
            )

        everything = read("real")
        one_half, other_half = _part(everything, 0, half), _part(everything, 1, half)
        for name in ("synthetic", "refined"):  # one at a time: patches take memory
            side = read(name)
            rows[name] = _with_floor_n(compare(side, everything), compare(_part(side, 0, half), other_half))
        floor = compare(one_half, other_half)
        rows["real_floor"] = _with_floor_n(floor, floor)

    result: Evaluation = {
        "rows": rows,
        "provenance": {
            "folders": {name: _folder_record(folder) for name, folder in folders.items()},
            "size": list(size),
            "channels": channels,
            "resize": RESIZE,
            "images": images,
            "layout": layouts[0],
            "real_layout": layouts[1],
            "extractors": {
                extractor.name: _extractor_record(extractor, features)
                for extractor, features in zip(extractors, everything.features, strict=True)
            },
            "swd": SWD_RECORD if swd else None,
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


def _compare_patches(side: Side, reference: Side, size: tuple[int, int], seed: int) -> dict[str, Score]:
    generator = torch.Generator().manual_seed(seed)  # the same directions for every row
    distance = descriptor_distance(side.descriptors, reference.descriptors, generator=generator)
    names = [f"{height}x{width}" for height, width in level_sizes(size)]
    n = [len(side.descriptors[0]), len(reference.descriptors[0])]
    levels = dict(zip(names, distance.levels.tolist(), strict=True))
    return {"swd": {"value": distance.value.item(), "n": n, "levels": levels}}


def _part(side: Side, number: int, count: int) -> Side:
    """The first or second disjoint part of a side, of ``count`` images each."""
    described = min(count, MOST_DESCRIBED // 2)
    start, first = number * count, number * described
    return Side(
        count,
        [features[start : start + count] for features in side.features],
        [level[first : first + described] for level in side.descriptors],
    )


def _with_floor_n(scores: dict[str, Score], at_floor_n: dict[str, Score]) -> dict[str, Score]:
    return {name: {**score, "at_floor_n": at_floor_n[name]} for name, score in scores.items()}


def _folder_record(folder: Folder) -> dict[str, object]:
    return {
        "path": str(folder.path),
        "layout": folder.layout.name,
        "images": len(folder.images),
        "formats": folder.formats,
    }


def _extractor_record(extractor: FeatureExtractor, features: Tensor) -> dict[str, object]:
    return {"sha256": extractor.sha256, "dimension": features.shape[1], "resize": extractor.resize}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # a checkout that was not installed
        return None
