"""Distance, label error and pictures of each method on the same few images, and the test on labeled real ones."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from refine.apply.options import ApplyOptions
from refine.apply.run import refine_folder
from refine.benchmark.datasets import open_real
from refine.benchmark.result import adjusted
from refine.benchmark.run import run_benchmark
from refine.data.images import to_float, to_levels
from refine.data.open_layout import open_layout
from refine.data.store import read_labeled
from refine.distances.features import Gatherer, set_distances
from refine.distances.label_error import JudgedImages
from refine.distances.networks import Judges
from refine.errors import InputError
from refine.labels import LabelSpace
from refine.methods.translator import Translator
from refine.metrics.sliced_wasserstein import PATCH, draw_places
from refine.terminal import duration
from refine.trial.options import TryOptions
from refine.trial.result import Benchmarked, Measured, Trained, Tried
from refine.tuning.measure import MOST_DESCRIBED, ChosenImages, at_size, batches, choose_images

COUNT = 200
"""Images of each side, at most."""
LONGEST = 256
"""Longest side of what is looked at; larger images are cropped in the middle."""
LEAST_REAL = 4
SHOWN = 6
"""Images of each method in the picture."""

SEEDS, STEPS = 2, 150
"""Number of task models for each row of the benchmark, and of their training steps at most."""
SHORTEST, STEPS_A_MINUTE = 50, 15
"""Steps of a trial that has little time, and how many more there are for each minute of it."""
TRIED = "tried "
"""Beginning of a row's name: the benchmark has rows of its own that are called fda and such."""


class DatasetPair(NamedTuple):
    """Two datasets, opened; everything that stays the same over the methods."""

    synthetic: ChosenImages
    real: ChosenImages
    space: LabelSpace
    channels: int
    size: tuple[int, int]
    """Height and width at which images are compared and judged."""

    @property
    def crops(self) -> bool:
        """Whether images are too large to be looked at as a whole."""
        return any(max(images.layout.size(images.records[0])) > LONGEST for images in (self.synthetic, self.real))


def open_pair(options: TryOptions) -> DatasetPair:
    """Open both datasets of a trial.

    Raises:
        InputError: If one cannot be read or is too small.
    """
    real = options.real
    labeled = choose_images(open_layout(options.layout, options.synthetic, options.classes, options.mapping), COUNT, 2)
    unlabeled = choose_images(open_layout(options.real_layout, real), COUNT, LEAST_REAL)
    channels = 3 if labeled.in_color() or unlabeled.in_color() else 1
    height, width = unlabeled.median_size()
    size = min(height, LONGEST), min(width, LONGEST)
    if min(size) < PATCH:
        raise InputError(f"{real}: images of {height}x{width} (height x width) are too small, {PATCH} is the least")
    return DatasetPair(labeled, unlabeled, labeled.layout.label_space, channels, size)


class Measure:
    """Measures methods against the same real images.

    Args:
        pair: Both datasets.
        judge: Checkpoint of a task model of the labels; None where there are none.
        device: Where networks run.
    """

    def __init__(self, pair: DatasetPair, judge: Path | None, device: torch.device) -> None:
        self.pair, self.device = pair, device
        self.judges = None if judge is None else Judges([judge])
        self.places = draw_places(pair.size, torch.Generator().manual_seed(0))
        gatherer, self.photos = Gatherer((), self.places, MOST_DESCRIBED), list[Image.Image]()
        for levels, _ in batches(pair.real, pair.channels, pair.size, False, LONGEST):
            self.photos += _pictures(levels, gatherer.images, pair.real)
            gatherer.add(to_float(at_size(levels, pair.size)))
        self.real = gatherer.gathered()
        self.floor = set_distances(*self.real.random_halves(0), (), seed=0)["swd"]
        self.guessing = 1.0
        """Label error of naming the most frequent class; 1 of other labels."""

    def __call__(self, translator: Translator | None) -> tuple[Measured, list[Image.Image]]:
        """Measure a method, or without one the synthetic images; returns some of the pictures, too.

        Raises:
            InputError: If it gives pixels that are not finite.
        """
        gatherer, pair, judges = Gatherer((), self.places, MOST_DESCRIBED), self.pair, self.judges
        answers = None if judges is None else JudgedImages(judges.kind, len(judges.names))
        every: list[Tensor] = []
        pictures: list[Image.Image] = []
        seconds, pixels, changed, seen = 0.0, 0, 0.0, 0
        for levels, labels in batches(pair.synthetic, pair.channels, pair.size, judges is not None, LONGEST):
            after = levels
            if translator is not None:
                began = time.monotonic()
                refined = translator.refine(to_float(levels).to(self.device)).float().cpu()
                if gatherer.images or len(levels) == len(pair.synthetic.records):  # the first batch warms up
                    seconds, pixels = seconds + time.monotonic() - began, pixels + levels[:, 0].numel()
                if not refined.isfinite().all():
                    raise InputError("gives NaN or infinite pixels")
                after = to_levels(refined)
                changed, seen = (
                    changed + float((to_float(after) - to_float(levels)).abs().sum()) / 2,
                    seen + after.numel(),
                )
            pictures += _pictures(after, gatherer.images, pair.synthetic)
            compared = to_float(at_size(after, pair.size))
            gatherer.add(compared)
            if answers is not None and judges is not None:
                answers.add(judges.predict(compared.to(self.device)).cpu(), labels)
                every.append(labels)
        found: Measured = {"distance": set_distances(gatherer.gathered(), self.real, (), seed=0)["swd"]}
        if translator is not None:
            found["change"] = changed / seen
        if pixels:
            found["seconds_a_megapixel"] = 1e6 * seconds / pixels
        if answers is not None:
            found["label_error"] = answers.error()
            if answers.kind.one_class:
                counts = torch.cat(every).bincount()
                self.guessing = 1 - float(counts.max() / counts.sum())
        return found, pictures

    def pictures(self, translator: Translator) -> list[Image.Image]:
        """Return the pictures alone, for a method that was measured before."""
        pair, seen, pictures = self.pair, 0, list[Image.Image]()
        for levels, _ in batches(pair.synthetic, pair.channels, pair.size, False, LONGEST):
            chosen = _chosen(len(levels), seen, pair.synthetic)
            seen += len(levels)
            if chosen:
                refined = translator.refine(to_float(levels[chosen]).to(self.device)).float().cpu()
                pictures += [_picture(image) for image in to_levels(refined)]
        return pictures


def _pictures(levels: Tensor, seen: int, images: ChosenImages) -> list[Image.Image]:
    return [_picture(levels[place]) for place in _chosen(len(levels), seen, images)]


def _chosen(count: int, seen: int, images: ChosenImages) -> list[int]:
    """Which images of a batch are shown, spread over all images."""
    total = len(images.records)
    return [place for place in range(count) if (seen + place) * SHOWN % total < SHOWN]


def _picture(levels: Tensor) -> Image.Image:
    return Image.fromarray(levels.expand(3, -1, -1).permute(1, 2, 0).numpy())


def require_labeled(real: Path, classes: tuple[str, ...] | None, pair: DatasetPair) -> None:
    """Refuse labeled real images that no benchmark can take, before anything is trained.

    Raises:
        InputError: If either has no labels, or the real images have labels of another kind or other classes, or one
            of them cannot be read.
    """
    synthetic = pair.synthetic.layout
    if not synthetic.label_space.is_labeled:
        raise InputError(f"{synthetic.root}: has no labels, and --labeled-real {real} needs them")
    read_labeled(open_real(real, "auto", None, classes, synthetic), pair.channels, pair.size)


def require_time(tried: Mapping[str, Tried], pair: DatasetPair, minutes: float) -> None:
    """Refuse to refine a whole dataset with every method where that takes longer than the trial.

    Raises:
        InputError: With the time that it would take.
    """
    layout, chosen = pair.synthetic.layout, pair.synthetic.records
    images = len(layout.records())
    pixels = images * mean(math.prod(layout.size(record)) for record in chosen)
    paces = [each["measured"].get("seconds_a_megapixel", 0.0) for each in tried.values() if "measured" in each]
    seconds = sum(paces) * pixels / 1e6
    if seconds > 60 * minutes:
        raise InputError(
            f"refining all {images} synthetic images with {len(paces)} methods would take about {duration(seconds)}; "
            "give more --minutes and another --output, or refine with the method of your choice and `refine benchmark`"
        )


def benchmark_labeled(
    checkpoints: Mapping[str, Path], options: TryOptions, real: Path, device: str, minutes: float, size: tuple[int, int]
) -> Benchmarked:
    """Refine the synthetic dataset with the checkpoint of each method, and benchmark all of them.

    Args:
        checkpoints: By method.
        options: Those of the trial.
        real: Labeled real images.
        device: ``cpu``, ``cuda`` or ``mps``.
        minutes: Time of the whole trial.
        size: Height and width of the real images; task models see them with a longest side of `LONGEST` at most.
    """
    smaller = min(1.0, LONGEST / max(size))
    synthetic, output, layout = options.synthetic, options.output, options.layout
    refined = {f"{TRIED}{name}": output / "refined" / name for name in checkpoints}
    for checkpoint, folder in zip(checkpoints.values(), refined.values(), strict=True):
        refine_folder(ApplyOptions(checkpoint=checkpoint, input=synthetic, output=folder, layout=layout, device=device))
    found = run_benchmark(
        synthetic,
        refined,
        real,
        classes=options.classes,
        baselines=(),
        seeds=SEEDS,
        steps=min(STEPS, SHORTEST + round(STEPS_A_MINUTE * minutes)),
        size=(max(1, round(smaller * size[0])), max(1, round(smaller * size[1]))),
        layouts=(layout, "auto"),
        mappings=(options.mapping, None),
        device=device,
        output=output / "benchmark",
    )
    rows: dict[str, Trained] = {}
    for name, row in found["rows"].items():
        if name in refined or name in {"synthetic", "target_supervised"}:
            trained: Trained = {"score": row["mean"], "interval": row["interval"]}
            if "difference" in row:
                trained["difference"] = row["difference"]["interval"]
                trained["p"] = adjusted(row["difference"])
            rows[name.removeprefix(TRIED)] = trained
    return {"metric": found["metric"], "higher_is_better": found.get("higher_is_better", True), "rows": rows}
