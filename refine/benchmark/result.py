"""What a benchmark found, as it stands in `benchmark.json`."""

from typing import NotRequired, TypedDict


class Row(TypedDict):
    """One kind of training data, tested on real images."""

    accuracy: list[float]
    """Share of test images, or of their pixels that have a class, one figure a seed, 0 to 1."""
    balanced_accuracy: NotRequired[list[float]]
    """Of classes: the mean over them, one figure a seed, 0 to 1."""
    miou: NotRequired[list[float]]
    """Of masks: the mean of the next over classes, one figure a seed, 0 to 1."""
    iou: NotRequired[dict[str, list[float]]]
    """Of masks: intersection over union of each class that the test images show, one figure a seed, 0 to 1."""
    mean: float
    """Of the benchmark's metric over seeds."""
    std: float
    """The same: its spread (n - 1); 0 with one seed."""
    interval: list[float]
    """95 % for that mean: bootstrap over test images."""
    confusion: list[list[int]]
    """Test images, or pixels, by true class (row) and predicted class (column), summed over seeds."""
    n_train: int
    """Images trained on; the smallest fold's with cross-validation."""
    n_test: int
    folds: NotRequired[int]
    """Blocks of the cross-validation."""


class Benchmark(TypedDict):
    """What `benchmark.json` holds."""

    metric: str
    """What `mean` is of: ``accuracy``, or of masks ``miou``."""
    classes: list[str]
    rows: dict[str, Row]
    gap_closed: dict[str, float | None]
    """(row - synthetic) / (target_supervised - synthetic) in the mean of the metric; None where there is no gap."""
    protocol: str
    provenance: dict[str, object]


FILE = "benchmark.json"
