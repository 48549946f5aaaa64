"""Rows of a benchmark, the images that each trains on, and the fits that they are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from refine.benchmark.datasets import RANDOMIZATION, SYNTHETIC, TARGET, TRANSLATED, Datasets
from refine.benchmark.fit import Protocol, changed_views, fit_task, predict
from refine.data.clusters import blocks
from refine.data.pairs import REAL, labeled_order
from refine.data.store import LabeledImages
from refine.errors import InputError
from refine.labels import KINDS

TEST, REAL_TRAIN, UNLABELED, CHANGED = "/test", "/real_train", "/unlabeled", "/changed"
"""Names of the image sets that are not a row of their own; no row's name has a slash."""

SELF_TRAINING, FINE_TUNED = "+self_training", "_fine_tuned"
"""Ends of the names of rows that also learn from unlabeled real images, and from labeled ones after all others."""

AGREED, JOINED = "+agreed", "+joined"
"""Ends of the names of rows that join those folders of one row whose translators agree, and all of them."""

WITH_SYNTHETIC = f"+{SYNTHETIC}"
"""End of the name of a row that also learns from the synthetic images."""

FINE_TUNING_RATE = 0.1
"""Learning rate of fine-tuning, as a part of the one before."""

MOST_REPEATS = 10
"""How often the images of a set may stand in an order, so that a share of the draws is theirs."""

MOST_FOLDS = 5
"""Blocks of the cross-validation, where there are so many images or groups."""


class Source(NamedTuple):
    """Training images of a row."""

    sets: tuple[str, ...]
    """Names of image sets, all of their images."""
    real: int | None = 0
    """Number of labeled real images that are added; None: all that may be trained on."""
    randomized: bool = False
    """Whether the appearance of the images is changed strongly."""
    self_training: bool = False
    """Whether unlabeled real images are learned from, too."""
    joins: bool = False
    """Whether the folders of several translators are joined. A fit learns from all of them but one, each in turn: what
    comes of the draw of translators shows; of two folders it learns from both."""
    with_synthetic: bool = False
    """Whether the synthetic images are added to joined folders."""
    fine_tuned: bool = False
    """Whether labeled real images come in the second half of the steps, alone and at `FINE_TUNING_RATE`."""
    share: int | None = None
    """Percentage of the draws that are of the first of two sets; None: every image is drawn equally often."""


class Fit(NamedTuple):
    """One training: of a row, with a seed, and with cross-validation, for one block of the test images."""

    row: str
    seed: int
    fold: int | None = None
    translator: int = 0
    """Number of the row's folder, where it has several: one for each seed of a translator; or of the one left out."""


def sources(
    baselines: Sequence[str],
    refined: Sequence[str],
    few: Sequence[int] = (),
    self_training: bool = False,
    shares: Sequence[int] = (),
    folders: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, Source]:
    """Return the training images of each row, in the order of the table.

    Args:
        baselines: Those of `BASELINES` that are asked for.
        refined: Names of the refined datasets; the last one is also mixed with the synthetic one.
        few: Numbers of labeled real images, each for a row of its own, for rows that the synthetic and each refined
            dataset are joined with them, and for rows that are fine-tuned on them.
        self_training: Whether the synthetic and each refined dataset also stand in a row with self-training.
        shares: Percentages of the last refined dataset in mixtures with the synthetic one.
        folders: Number of folders of refined datasets whose folders are also joined.

    Raises:
        InputError: If a refined dataset has the name of another row.
    """
    rows = {SYNTHETIC: Source((SYNTHETIC,))}
    for name in baselines:
        rows[name] = Source((SYNTHETIC,), randomized=True) if name == RANDOMIZATION else Source((name,))
    rows |= {name: Source((name,)) for name in refined}
    joined: dict[str, Source] = {}
    if refined:
        both = (refined[-1], SYNTHETIC)
        rows[f"{refined[-1]}{WITH_SYNTHETIC}"] = Source(both)
        joined = {f"{refined[-1]}@{share}+{SYNTHETIC}": Source(both, share=share) for share in shares}
    for name, count in folders.items():
        sets = (name, *(f"{name}/{number}" for number in range(1, count)))
        if count > 1:
            joined[f"{name}{JOINED}"] = Source(sets, joins=True)
            joined[f"{name}{JOINED}{WITH_SYNTHETIC}"] = Source(sets, joins=True, with_synthetic=True)
    for count in few:
        joined[f"{count}_real"] = Source((), real=count)
        for name in (SYNTHETIC, *refined):
            joined[f"{name}+{count}_real"] = Source((name,), real=count)
            joined[f"{name}+{count}_real{FINE_TUNED}"] = Source((name,), real=count, fine_tuned=True)
    if self_training:
        joined |= {f"{name}{SELF_TRAINING}": Source((name,), self_training=True) for name in (SYNTHETIC, *refined)}
    made = {f"{name}{AGREED}{end}" for name in refined for end in ("", SELF_TRAINING)} if self_training else set()
    for name in (joined.keys() | made) & rows.keys():
        raise InputError(f"--refined {name}: {name!r} is the name of another row; give NAME=DIR")
    return {**rows, **joined, TARGET: Source((), real=None)}


@dataclass
class Plan:
    """Everything that predictions follow from.

    Attributes:
        sets: All images by the name of their set; those of `TEST` are tested on. Of a refined dataset with several
            folders, ``NAME/1`` is the second one's, ``NAME/2`` the third one's.
        rows: Training images of each row.
        folds: Blocks of the test images, where labeled real images to train on are found among them.
        classes: Names of the classes or targets.
        protocol: How each fit trains.
        seeds: Number of fits that each row has of each block, or on each of its folders.
        single_seeds: The same of rows of one folder and no blocks: no fewer than another row has folders.
    """

    sets: dict[str, LabeledImages]
    rows: dict[str, Source]
    folds: list[list[int]]
    classes: tuple[str, ...]
    protocol: Protocol
    seeds: int
    single_seeds: int

    def fits(self) -> list[Fit]:
        """Return all fits, row by row."""
        return [
            Fit(row, seed, fold, translator)
            for row in self.rows
            for translator in range(self.translators(row))
            for seed in range(self.seeds_of(row))
            for fold in (range(len(self.folds)) if self.is_crossed(row) else [None])
        ]

    def seeds_of(self, row: str) -> int:
        """Return the number of a row's fits of each block, or on each of its folders."""
        return self.seeds if self.is_crossed(row) or self.translators(row) > 1 else self.single_seeds

    def translators(self, row: str) -> int:
        """Return the number of folders of a row, each of another seed of one translator, or of those that a joined row
        leaves out in turn; 1 where it has none."""
        source = self.rows[row]
        if source.joins:
            return len(source.sets) if len(source.sets) > 2 else 1
        starts = tuple(f"{name}/" for name in source.sets)
        return 1 + sum(name.startswith(starts) for name in self.sets if starts)

    def set_names(self, fit: Fit) -> list[str]:
        """Return the names of the image sets that a fit is trained on, without labeled real images."""
        names = self.rows[fit.row].sets
        if self.rows[fit.row].joins:
            left_out = fit.translator if self.translators(fit.row) > 1 else None
            kept = [name for number, name in enumerate(names) if number != left_out]
            return [*kept, SYNTHETIC] if self.rows[fit.row].with_synthetic else kept
        return [own if (own := f"{name}/{fit.translator}") in self.sets else name for name in names]

    def is_crossed(self, row: str) -> bool:
        """Whether a row needs a fit for each block."""
        return self.rows[row].real != 0 and REAL_TRAIN not in self.sets

    def predicts_unlabeled(self, row: str) -> bool:
        """Whether a row's task models also predict the unlabeled images and strongly changed views of them: where
        these were made, and the row learned from no labeled real images."""
        return CHANGED in self.sets and self.rows[row].real == 0

    def tested(self, fit: Fit) -> list[int]:
        """Return the numbers of the test images that a fit predicts."""
        return list(range(len(self.sets[TEST].keys))) if fit.fold is None else self.folds[fit.fold]

    def real_images(self, fit: Fit) -> LabeledImages | None:
        """Return the labeled real images that a fit is trained on, or None.

        Few ones are chosen by the seed, of classes as many of each as can be.
        """
        source = self.rows[fit.row]
        if source.real == 0:
            return None
        pool = self.sets[REAL_TRAIN if fit.fold is None else TEST]
        if fit.fold is not None:
            others = [fold for number, fold in enumerate(self.folds) if number != fit.fold]
            pool = pool.take([index for fold in others for index in fold])
        total = len(pool.keys)
        if source.real is None:
            return pool
        order = labeled_order(KINDS[self.protocol.kind], pool.labels, fit.seed, REAL)
        chosen: dict[int, None] = {}
        position = 0
        while len(chosen) < min(source.real, total):  # a small class comes repeatedly until enough of the others came
            chosen[order[position]] = None
            position += 1
        return pool.take(list(chosen))

    def counts(self, fit: Fit) -> tuple[int, int]:
        """Return the number of images that a fit is trained on, and how many of them are labeled real ones."""
        images = self.real_images(fit)
        real = 0 if images is None else len(images.keys)
        return sum(len(self.sets[name].keys) for name in self.set_names(fit)) + real, real

    def training(self, fit: Fit) -> tuple[LabeledImages, list[int] | None]:
        """Return a fit's images, and the numbers that are drawn from, where not each once.

        Real images that are added to others stand so often that half of the draws are theirs. With fine-tuning, they
        are not among them.
        """
        source, parts = self.rows[fit.row], [self.sets[name] for name in self.set_names(fit)]
        real = None if source.fine_tuned else self.real_images(fit)
        joined, *rest = parts if real is None else [*parts, real]
        for part in rest:
            joined = joined.join(part)
        if source.share is not None:
            first = len(parts[0].keys)
            second = len(joined.keys) - first
            wanted, numbers = source.share / 100, range(1, MOST_REPEATS + 1)
            often, seldom = min(
                product(numbers, numbers),
                key=lambda times: abs(times[0] * first / (times[0] * first + times[1] * second) - wanted),
            )
            return joined, [*list(range(first)) * often, *list(range(first, first + second)) * seldom]
        if real is None or not parts:
            return joined, None
        few = len(real.keys)
        others = len(joined.keys) - few
        return joined, [*range(others), *list(range(others, others + few)) * max(1, round(others / few))]

    def predictions(self, fit: Fit) -> Tensor:
        """Train, and predict the fit's part of the test images, then those of `predicts_unlabeled`."""
        images, order = self.training(fit)
        source = self.rows[fit.row]
        unlabeled = self.sets[UNLABELED].images if source.self_training else None
        protocol, real = self.protocol, self.real_images(fit) if source.fine_tuned else None
        if real is not None:
            protocol = replace(protocol, steps=max(protocol.steps // 2, 1))
        task = fit_task(images, self.classes, protocol, fit.seed, order, source.randomized, unlabeled)
        if real is not None:
            gentle = replace(protocol, learning_rate=FINE_TUNING_RATE * protocol.learning_rate)
            task = fit_task(real, self.classes, gentle, fit.seed, start=task)
        asked = self.sets[TEST].images[self.tested(fit)]
        if self.predicts_unlabeled(fit.row):
            asked = torch.cat([asked, self.sets[UNLABELED].images, self.sets[CHANGED].images])
        return predict(task, asked)

    def __getstate__(self) -> dict[str, Any]:
        # Arrays: between processes torch would pass its tensors through shared memory, of which containers have little.
        arrays = {name: (s.images.numpy(), s.labels.numpy(), s.keys) for name, s in self.sets.items()}
        return {**self.__dict__, "sets": arrays}

    def __setstate__(self, state: dict[str, Any]) -> None:
        sets = {
            name: LabeledImages(torch.from_numpy(images), torch.from_numpy(labels), keys)
            for name, (images, labels, keys) in state["sets"].items()
        }
        self.__dict__.update({**state, "sets": sets})


def plan_fits(
    data: Datasets,
    protocol: Protocol,
    baselines: Sequence[str],
    few: Sequence[int],
    groups: Sequence[str] | None,
    seeds: int,
    shares: Sequence[int] = (),
    joined: bool = False,
) -> Plan:
    """Plan every fit that the benchmark asks for.

    Raises:
        InputError: If there are too few labeled real images for it, or a row's name stands twice.
    """
    sets = {SYNTHETIC: data.synthetic, TEST: data.real}
    for name, draws in data.refined.items():
        sets |= {f"{name}/{number}" if number else name: images for number, images in enumerate(draws)}
    folds: list[list[int]] = []
    if data.real_train is not None:
        sets[REAL_TRAIN] = data.real_train
        most, pool = len(data.real_train.keys), "of --real-train"
    else:
        keys = data.real.keys
        count = min(MOST_FOLDS, len(keys) if groups is None else len(set(groups)))
        if count < 2:
            raise InputError(
                f"{data.real_root}: cross-validation needs two labeled images or more; give others to --real-train"
            )
        folds = blocks(keys, count, groups)
        most, pool = len(keys) - max(len(fold) for fold in folds), "outside of the largest block of cross-validation"
    if max(few, default=0) > most:
        raise InputError(f"--real-few {max(few)}: there are only {most} labeled real images {pool}; take fewer")
    if data.unlabeled is not None:
        sets[UNLABELED] = data.unlabeled
        views = changed_views(data.unlabeled.images, data.kind.one_class)
        sets[CHANGED] = data.unlabeled._replace(images=views)
    folders = {name: len(draws) for name, draws in data.refined.items()} if joined else {}
    if joined and max(folders.values(), default=1) < 2:
        raise InputError("--joined: no refined dataset has several folders; give --refined NAME=DIR,DIR,…")
    rows = sources(baselines, list(data.refined), few, data.unlabeled is not None, shares, folders)
    sets |= {name: data.translated(name) for name in baselines if name in TRANSLATED}
    most = max([seeds, *map(len, data.refined.values())])
    return Plan(sets, rows, folds, data.classes, protocol, seeds, most)
