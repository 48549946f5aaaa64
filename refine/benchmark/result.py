"""Types of `benchmark.json`."""

from typing import NotRequired, TypedDict

from refine.benchmark.agreement import Agreement, ChosenRow
from refine.json_files import Interval, Share
from refine.labels.scoring import Figures

RESULT = "benchmark.json"


class Comparison(TypedDict):
    """A row against another, the synthetic one where nothing else is said, on the same test images.

    Files of earlier versions may lack all but the value.
    """

    value: float
    """The row's mean less the other's, in the metric's unit: where lower is better, below 0 is good."""
    interval: NotRequired[Interval]
    """95 %, paired: bootstrap over clusters of test images, the same for both rows; of several translators widened
    for their draw, see `refine.metrics.comparison`."""
    p: NotRequired[Share]
    """Two-sided p-value of a randomization test over clusters of test images; see `refine.metrics.comparison`.
    With several translators no smaller than the p-value of a test that takes both draws into account."""
    p_holm: NotRequired[Share]
    """The same, adjusted for the number of rows by Holm's procedure."""


class Row(Figures):
    """One kind of training data, tested on real images. Files of earlier versions may lack all but the metric."""

    mean: NotRequired[float]
    """Of the benchmark's metric over seeds, and over translators where there are several."""
    std: NotRequired[float]
    """The spread (n - 1) over seeds, or over the means of several translators; 0 with one. Of joined translators the
    jackknife's, of the mean that all of them give together."""
    interval: NotRequired[Interval]
    """95 % for that mean: bootstrap over clusters of test images; of several translators widened for their draw."""
    translator_means: NotRequired[list[float]]
    """Mean over seeds of each translator, or without each in turn, where there are several. Then all lists of one
    figure a seed hold the first translator's seeds first."""
    difference: NotRequired[Comparison]
    """To the synthetic row, which has none."""
    consistency: NotRequired[float]
    """Agreement beyond chance (of classes and pixels Cohen's kappa) of predictions of the unlabeled images and of
    strongly changed views of them, mean over all fits; where there are such images."""
    n_train: NotRequired[int]
    """Images trained on; the smallest fold's with cross-validation."""
    n_test: NotRequired[int]
    n_real: NotRequired[int]
    """Number of images trained on that are real ones with their labels, where some are."""
    folds: NotRequired[int]
    """Blocks of the cross-validation."""


class Best(TypedDict):
    """The row with the best mean of those that need no labeled real image to train on, against the second.

    It was found on the test images themselves: its own figure is somewhat too good.
    """

    row: str
    second: str
    difference: Comparison
    """To the second, on the same images; `p` is not adjusted."""


class AdaptedTo(TypedDict):
    """Unlabeled real images that translators, baselines and self-training saw."""

    images: int
    tested: int
    """Number of test images among them: 0 in an inductive test, else transductive. Only the user knows whether
    translators saw other real images."""


class Benchmark(TypedDict):
    """Content of `benchmark.json`."""

    metric: str
    """What `mean` is of: ``accuracy``; ``miou`` of masks; ``ap`` of objects; of targets
    ``mean_angular_error_degrees`` or ``mean_absolute_error``, of which less is better."""
    higher_is_better: NotRequired[bool]
    """Left out: true."""
    classes: list[str]
    """Names of the classes, or of the targets."""
    scored: NotRequired[list[str]]
    """Classes whose mean is the metric, where these are not all."""
    rows: dict[str, Row]
    gap_closed: dict[str, float | None]
    """(row - synthetic) / (target_supervised - synthetic) in the mean of the metric; None where there is no gap, or
    the interval of the gap holds 0."""
    gap_closed_interval: NotRequired[dict[str, Interval | None]]
    """95 % of the same, by Fieller's theorem; None where it is."""
    warning: NotRequired[str | None]
    """Said first: a refined dataset does worse than the synthetic one."""
    adapted_to: NotRequired[AdaptedTo]
    """Left out: nobody said which images translators were adapted to."""
    best: NotRequired[Best]
    """Left out where nothing was compared, and in older files."""
    chosen: NotRequired[ChosenRow]
    """Left out without unlabeled images, where images do not have one class each, and in older files."""
    agreement: NotRequired[dict[str, Agreement]]
    """By the name of a refined dataset with several translators, where there are unlabeled images."""
    untested: NotRequired[list[str]]
    """Classes that are learned and that no real image shows."""
    clusters: NotRequired[int]
    """Groups of test images that were drawn and swapped as one; their number where every image is its own."""
    protocol: str
    provenance: dict[str, object]


def adjusted(comparison: Comparison) -> float:
    """Return the p-value that is adjusted for the number of rows; as it is where nobody adjusted it."""
    return comparison.get("p_holm", comparison["p"])
