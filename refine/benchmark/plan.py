"""Which rows there are, what each trains on, and the fits that they are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count as count_from
from typing import Any, NamedTuple

import torch
from torch import Tensor

from refine.benchmark.baselines import RANDOMIZATION
from refine.benchmark.datasets import SYNTHETIC, TARGET
from refine.benchmark.fitting import Protocol, fit_task, predict
from refine.data.labeled_images import LabeledImages
from refine.data.pairs import REAL, ClassBalanced, Shuffled
from refine.errors import InputError

TEST, REAL_TRAIN = "/test", "/real_train"
"""Names of the image sets that are no row of their own; no row's name has a slash."""


class Source(NamedTuple):
    """What a row trains on."""

    sets: tuple[str, ...]
    """Names of image sets, all of their images."""
    real: int | None = 0
    """Labeled real images beside them; None: all that may be trained on."""
    randomized: bool = False
    """Whether the appearance of the images is changed strongly."""


class Fit(NamedTuple):
    """One training: of a row, with a seed, and with cross-validation, for one block of the test images."""

    row: str
    seed: int
    fold: int | None = None
    translator: int = 0
    """Number of the row's folder, where it has several: one for each seed of a translator."""


def sources(baselines: Sequence[str], refined: Sequence[str], few: int | None) -> dict[str, Source]:
    """What each row trains on, in the order of the table.

    Args:
        baselines: Those of `BASELINES` that are asked for.
        refined: Names of the refined datasets; the last one is also mixed with the synthetic one.
        few: Labeled real images that each refined dataset is also joined with; None: no such row.

    Raises:
        InputError: If a refined dataset has the name of another row.
    """
    rows = {SYNTHETIC: Source((SYNTHETIC,))}
    for name in baselines:
        rows[name] = Source((SYNTHETIC,), randomized=True) if name == RANDOMIZATION else Source((name,))
    rows |= {name: Source((name,)) for name in refined}
    if refined:
        rows[f"{refined[-1]}+{SYNTHETIC}"] = Source((refined[-1], SYNTHETIC))
    joined = {f"{name}+{few}_real": Source((name,), real=few) for name in refined} if few is not None else {}
    for name in joined.keys() & rows.keys():
        raise InputError(f"--refined {name}: {name!r} is the name of another row; give NAME=DIR")
    return {**rows, **joined, TARGET: Source((), real=None)}


@dataclass
class Plan:
    """Everything that predictions follow from.

    Attributes:
        sets: All images by the name of their set; `TEST` are those that are tested on. Of a refined dataset with
            several folders, ``NAME/1`` is the second one's, ``NAME/2`` the third one's.
        rows: What each row trains on.
        folds: Blocks of the test images, where labeled real images to train on are found among them.
        classes: Names of the classes or targets.
        protocol: How each fit trains.
        seeds: How many fits each row has of each block.
    """

    sets: dict[str, LabeledImages]
    rows: dict[str, Source]
    folds: list[list[int]]
    classes: tuple[str, ...]
    protocol: Protocol
    seeds: int

    def fits(self) -> list[Fit]:
        """All of them, row by row."""
        return [
            Fit(row, seed, fold, translator)
            for row in self.rows
            for translator in range(self.translators(row))
            for seed in range(self.seeds)
            for fold in (range(len(self.folds)) if self.is_crossed(row) else [None])
        ]

    def translators(self, row: str) -> int:
        """Number of folders that a row has, each of them of another seed of one translator; 1 where it has none."""
        starts = tuple(f"{name}/" for name in self.rows[row].sets)
        return 1 + sum(name.startswith(starts) for name in self.sets if starts)

    def set_names(self, fit: Fit) -> list[str]:
        """Names of the image sets that a fit is trained on, beside labeled real images."""
        names = self.rows[fit.row].sets
        return [own if (own := f"{name}/{fit.translator}") in self.sets else name for name in names]

    def is_crossed(self, row: str) -> bool:
        """Whether a row needs a fit for each block."""
        return self.rows[row].real != 0 and REAL_TRAIN not in self.sets

    def tested(self, fit: Fit) -> list[int]:
        """Numbers of the test images that a fit predicts."""
        return list(range(len(self.sets[TEST].keys))) if fit.fold is None else self.folds[fit.fold]

    def real_pool(self, fit: Fit) -> LabeledImages:
        """Labeled real images that a fit may be trained on."""
        if fit.fold is None:
            return self.sets[REAL_TRAIN]
        return self.sets[TEST].take(
            [index for fold in self.folds if fold is not self.folds[fit.fold] for index in fold]
        )

    def real_picks(self, fit: Fit) -> list[int]:
        """Numbers of the images of that pool that a fit is trained on; of classes, of each as many as can be."""
        pool, count = self.real_pool(fit), self.rows[fit.row].real
        total = len(pool.keys)
        if count is None:
            return list(range(total))
        balanced = self.protocol.kind == "class"
        order = ClassBalanced(pool.labels.tolist(), fit.seed, REAL) if balanced else Shuffled(total, fit.seed, REAL)
        chosen: dict[int, None] = {}
        for position in count_from(0):  # a small class comes again and again until enough of the others came
            if len(chosen) == min(count, total):
                break
            chosen[order[position]] = None
        return list(chosen)

    def counts(self, fit: Fit) -> tuple[int, int]:
        """How many images a fit is trained on, and how many of them are labeled real ones."""
        real = len(self.real_picks(fit)) if self.rows[fit.row].real != 0 else 0
        return sum(len(self.sets[name].keys) for name in self.set_names(fit)) + real, real

    def training(self, fit: Fit) -> tuple[LabeledImages, list[int] | None]:
        """Images of a fit, and the numbers that are drawn from, where not each once.

        Real images beside others stand so often that half of the draws are theirs.
        """
        source = self.rows[fit.row]
        parts = [self.sets[name] for name in self.set_names(fit)]
        if source.real != 0:
            parts.append(self.real_pool(fit).take(self.real_picks(fit)))
        joined = parts[0]
        for part in parts[1:]:
            joined = joined.join(part)
        if not source.sets or source.real == 0:
            return joined, None
        few = len(parts[-1].keys)
        others = len(joined.keys) - few
        return joined, [*range(others), *list(range(others, others + few)) * max(1, round(others / few))]

    def predictions(self, fit: Fit) -> Tensor:
        """Train, and predict the fit's part of the test images."""
        images, order = self.training(fit)
        task = fit_task(images, self.classes, self.protocol, fit.seed, order, self.rows[fit.row].randomized)
        return predict(task, self.sets[TEST].images[self.tested(fit)])

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
