"""What an evaluation may be asked for: found out before any image is read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from refine.errors import InputError
from refine.metrics.distances import FEATURE_METRICS, METRICS
from refine.metrics.extrapolation import LEAST

NEIGHBORS = {"precision": 3, "recall": 3, "density": 5, "coverage": 5}
"""k of the papers: Kynkäänniemi et al. 2019, Naeem et al. 2020."""


def chosen_metrics(metrics: Sequence[str] | None, networks: bool, infinite: bool) -> tuple[str, ...]:
    """The metrics to measure in the order of `METRICS`; None takes swd, and with networks fid and kid.

    Raises:
        InputError: If there is none, one is unknown, or they do not fit the networks.
    """
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


def whole_images(metrics: Sequence[str]) -> bool:
    """Whether any of them is measured on a network's features of whole images: skvd is on those of patches."""
    return any(metric in FEATURE_METRICS and metric != "skvd" for metric in metrics)


def check_labels(metrics: Sequence[str], mappings: Sequence[str | None], segmenter: bool) -> None:
    """Refuse what only skvd would look at, where it is not measured.

    Raises:
        InputError: If so.
    """
    if "skvd" not in metrics and (segmenter or any(mappings)):
        flag = "--segmenter" if segmenter else "--mapping"
        raise InputError(f"{flag}: is for the label maps that skvd needs; add skvd to --metrics, or leave it out")


def neighbors_of(metrics: Sequence[str], neighbors: int | None) -> dict[str, int]:
    """k of each metric that has one; None takes each paper's."""
    return {metric: neighbors or usual for metric, usual in NEIGHBORS.items() if metric in metrics}


def check_output(output: Path | None, refined: Path) -> None:
    """Refuse an output that is a folder or would become part of the refined dataset.

    Raises:
        InputError: If so.
    """
    if output is not None and output.is_dir():
        raise InputError(f"{output}: is a folder; name the JSON file to write, such as {output / 'metrics.json'}")
    if output is not None and output.resolve().is_relative_to(refined.resolve()):
        raise InputError(
            f"{output}: lies in the refined folder, where `refine verify` takes it for a stray file; "
            "choose another output"
        )


def check_count(half: int, neighbors: Mapping[str, int], infinite: bool) -> None:
    """Refuse metrics for which there are too few images.

    Args:
        half: Images on each side of the floor: the fewest that anything is measured on.
        neighbors: What :func:`neighbors_of` gave.
        infinite: Whether FID is extrapolated.

    Raises:
        InputError: If there are.
    """
    for metric, count in neighbors.items():
        if half <= count:
            raise InputError(
                f"--metrics {metric}: {count} neighbors need {count + 1} images on each side and in each half of the "
                f"real ones, found {half}; add images or choose fewer --neighbors"
            )
    if infinite and half < LEAST:
        raise InputError(
            f"--infinite: needs {LEAST} images on each side and in each half of the real ones, found {half}; add images"
        )
