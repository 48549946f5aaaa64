"""What a benchmark found, as it stands in `benchmark.json`."""

from typing import NotRequired, TypedDict


class Row(TypedDict):
    """One kind of training data, tested on real images."""

    accuracy: list[float]
    """One figure a seed, 0 to 1."""
    balanced_accuracy: list[float]
    """Mean over classes, one figure a seed, 0 to 1."""
    mean: float
    std: float
    """Of the accuracy over seeds (n - 1); 0 with one seed."""
    interval: list[float]
    """95 % for the mean accuracy: bootstrap over test images."""
    confusion: list[list[int]]
    """Test images by true class (row) and predicted class (column), summed over seeds."""
    n_train: int
    """Images trained on; the smallest fold's with cross-validation."""
    n_test: int
    folds: NotRequired[int]
    """Blocks of the cross-validation."""


class Benchmark(TypedDict):
    """What `benchmark.json` holds."""

    classes: list[str]
    rows: dict[str, Row]
    gap_closed: dict[str, float | None]
    """(row - synthetic) / (target_supervised - synthetic) in mean accuracy; None where there is no gap."""
    protocol: str
    provenance: dict[str, object]


FILE = "benchmark.json"
