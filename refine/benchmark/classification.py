"""Train on X, test on real: does a model that was trained on refined images do better?"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from refine.benchmark.fitting import Protocol, fit_task, predict
from refine.benchmark.labeled_images import LabeledImages, blocks
from refine.benchmark.provenance import describe, settings
from refine.benchmark.result import FILE, Benchmark, Row
from refine.benchmark.rows import SYNTHETIC, TARGET, Datasets
from refine.benchmark.scores import gap_closed, score, score_masks
from refine.errors import InputError
from refine.files import claim_output, write_json

FOLDS = 5

BATCH = {"class": 32, "mask": 8}
"""Images a step, where nobody says otherwise."""

Advance = Callable[[], None]


def run_benchmark(
    synthetic: Path,
    refined: Mapping[str, Path],
    real: Path,
    *,
    classes: tuple[str, ...] | None = None,
    real_train: Path | None = None,
    seeds: int = 3,
    steps: int = 150,
    batch_size: int | None = None,
    size: tuple[int, int] | None = None,
    layouts: tuple[str, str] = ("auto", "auto"),
    mappings: tuple[str | None, str | None] = (None, None),
    horizontal_flip: bool = False,
    shift: int = 2,
    output: Path,
) -> Benchmark:
    """Train the same small classifier or segmenter on each kind of data, and test it on labeled real images.

    Rows: ``synthetic`` (do nothing), ``color_transfer`` (Lab statistics), each refined dataset, the last of
    them together with the synthetic one, and ``target_supervised``: trained on labeled real images, those of
    ``real_train`` or by cross-validation over contiguous blocks of the recording.

    Args:
        synthetic: Synthetic images with a class, or a class for each pixel.
        refined: Refined ones in the same layout, by the name of their row.
        real: Real images with such labels: the test.
        classes: Only these, in this order. None takes all, and then all datasets must have the same.
        real_train: Labeled real images for ``target_supervised``, none of them tested on.
        seeds: Fits of each row, with other initial weights, sampling and augmentation.
        steps: Training steps of each fit. With 150, training loss is below 0.06 on both bundled datasets; datasets
            with more to learn need more.
        batch_size: Images a step, every class equally often, or, of masks, every image. None: 32, of masks 8.
        size: Height and width of all images; None takes the real ones'.
        layouts: How the synthetic and the refined datasets lie, and how the real ones do.
        mappings: From the classes of the synthetic and refined datasets, and of the real ones, to common ones.
        horizontal_flip: Whether mirroring keeps every label true.
        shift: Random shifts in training, in pixels.
        output: Folder for ``benchmark.json``.

    Returns:
        What ``benchmark.json`` holds.

    Raises:
        InputError: If the datasets disagree on classes, one cannot be read or is too small, or a number makes no
            sense.
    """
    for name, value, least in (("seeds", seeds, 1), ("steps", steps, 1)):
        if value < least:
            raise InputError(f"{name} is {value}; expected at least {least}")
    if shift < 0:
        raise InputError(f"shift is {shift}; expected 0 or more pixels")
    if batch_size is not None and batch_size < 1:
        raise InputError(f"batch_size is {batch_size}; expected at least 1")
    data = Datasets(synthetic, refined, real, real_train, classes, size, layouts, mappings)
    if data.real_train is None and len(data.real.keys) < 2:
        raise InputError(f"{real}: cross-validation needs two labeled images or more; give others to --real-train")
    claim_output(output)
    protocol = Protocol(steps, batch_size or BATCH[data.kind], shift, horizontal_flip)
    training = data.source_rows()
    if data.real_train is not None:
        training[TARGET] = data.real_train
    folds = [] if data.real_train is not None else blocks(data.real.keys, min(FOLDS, len(data.real.keys)))
    rows: dict[str, Row] = {}
    with _progress(seeds * (len(training) + len(folds))) as advance:
        for name, images in training.items():
            predictions = [_train_and_test(images, data, protocol, seed, advance) for seed in range(seeds)]
            rows[name] = _score(predictions, data, len(images.keys))
        if folds:
            predictions = [_cross_validate(folds, data, protocol, seed, advance) for seed in range(seeds)]
            smallest = len(data.real.keys) - max(len(fold) for fold in folds)
            rows[TARGET] = _score(predictions, data, smallest)
            rows[TARGET]["folds"] = len(folds)
    result: Benchmark = {
        "metric": "miou" if data.kind == "mask" else "accuracy",
        "classes": list(data.classes),
        "rows": rows,
        "gap_closed": gap_closed(rows, SYNTHETIC, TARGET),
        "protocol": describe(protocol, seeds, data, len(folds)),
        "provenance": {
            "synthetic": str(synthetic),
            "refined": {name: str(root) for name, root in refined.items()},
            "real": str(real),
            "real_train": None if real_train is None else str(real_train),
            "layout": layouts[0],
            "real_layout": layouts[1],
            "mapping": mappings[0],
            "real_mapping": mappings[1],
            "unmapped": data.unmapped,
            "seeds": list(range(seeds)),
            **settings(protocol, data),
        },
    }
    write_json(result, output / FILE)
    return result


def _score(predictions: list[Tensor], data: Datasets, n_train: int) -> Row:
    if data.kind == "mask":
        return score_masks(predictions, data.real.labels, data.classes, n_train)
    return score(torch.stack(predictions), data.real.labels, len(data.classes), n_train)


def _train_and_test(train: LabeledImages, data: Datasets, protocol: Protocol, seed: int, advance: Advance) -> Tensor:
    predictions = predict(fit_task(train, data.classes, protocol, seed), data.real.images)
    advance()
    return predictions


def _cross_validate(folds: list[list[int]], data: Datasets, protocol: Protocol, seed: int, advance: Advance) -> Tensor:
    """Predict each block by a model that saw the other blocks alone."""
    predictions = torch.empty_like(data.real.labels)
    for fold in folds:
        rest = [index for other in folds if other is not fold for index in other]
        task = fit_task(data.real.take(rest), data.classes, protocol, seed)
        predictions[fold] = predict(task, data.real.images[fold])
        advance()
    return predictions


@contextmanager
def _progress(fits: int) -> Iterator[Advance]:
    """A bar over fits on standard error, if a person looks at it."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("benchmark", total=fits)
        yield lambda: bar.advance(task)
