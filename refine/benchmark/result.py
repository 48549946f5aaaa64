"""What a benchmark found, as it stands in `benchmark.json`."""

from typing import NotRequired, TypedDict

from refine.benchmark.scoring import Figures
from refine.json_types import Interval, Share


class Comparison(TypedDict):
    """A row against the synthetic one, on the same test images."""

    value: float
    """The row's mean less the synthetic row's, in the metric's unit: where lower is better, below 0 is good."""
    interval: Interval
    """95 %, paired: bootstrap over clusters of test images, the same for both rows; of several translators widened
    for their draw, see `refine.metrics.translator_draw`."""
    p: Share
    """Of a randomization test over clusters of test images, two-sided; see `refine.metrics.paired`. Of several
    translators no smaller than the p-value of a test that takes both draws into account."""
    p_holm: NotRequired[Share]
    """The same, adjusted for the number of rows by Holm's procedure."""


class Row(Figures):
    """One kind of training data, tested on real images."""

    mean: float
    """Of the benchmark's metric over seeds, and over translators where there are several."""
    std: float
    """The spread (n - 1) over seeds, or over the means of several translators; 0 with one."""
    interval: Interval
    """95 % for that mean: bootstrap over clusters of test images; of several translators widened for their draw."""
    translator_means: NotRequired[list[float]]
    """Mean over seeds of each translator, where there are several. Then all lists of one figure a seed hold the first
    translator's seeds first."""
    difference: NotRequired[Comparison]
    """To the synthetic row; that one has none."""
    n_train: int
    """Images trained on; the smallest fold's with cross-validation."""
    n_test: int
    n_real: NotRequired[int]
    """How many of the images trained on are real ones with their labels, where some are."""
    folds: NotRequired[int]
    """Blocks of the cross-validation."""


class Benchmark(TypedDict):
    """What `benchmark.json` holds."""

    metric: str
    """What `mean` is of: ``accuracy``; ``miou`` of masks; ``ap`` of objects; of targets
    ``mean_angular_error_degrees`` or ``mean_absolute_error``, of which less is better."""
    higher_is_better: NotRequired[bool]
    """Left out: true."""
    classes: list[str]
    """Names of the classes, or of the targets."""
    rows: dict[str, Row]
    gap_closed: dict[str, float | None]
    """(row - synthetic) / (target_supervised - synthetic) in the mean of the metric; None where there is no gap, or
    the interval of the gap holds 0."""
    gap_closed_interval: NotRequired[dict[str, Interval | None]]
    """95 % of the same, by Fieller's theorem; None where it is."""
    warning: NotRequired[str | None]
    """Said first: a refined dataset does worse than the synthetic one."""
    untested: NotRequired[list[str]]
    """Classes that are learned and that no real image shows."""
    clusters: NotRequired[int]
    """Groups of test images that were drawn and swapped as one; their number where every image is its own."""
    protocol: str
    provenance: dict[str, object]


FILE = "benchmark.json"
