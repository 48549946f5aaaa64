"""Which samples stand at which position of training: pure functions of a seed, never of a worker's state."""

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from refine.data.augment import Augmentation
from refine.data.geometry import AnnotatedImage, center_crop
from refine.data.matching import CROPS, OWN_SEEDS, MatchedCrops
from refine.data.samples import Labeled, UnpairedBatch
from refine.data.store import ImageStore
from refine.labels import Annotation, LabelKind, LabelSpace

SYNTHETIC, REAL = 0, 1

UNLABELED = LabelSpace("none")


def generator_at(seed: int, domain: int, position: int) -> torch.Generator:
    """The generator of one sample's draws, from the seed, `SYNTHETIC` or `REAL`, and the position."""
    return torch.Generator().manual_seed((seed * 2 + domain) * 1_000_000_007 + position)


class Shuffled:
    """An endless sequence of sample numbers: each pass over the data is a new permutation.

    Args:
        count: Samples in the dataset.
        seed: Seeds the permutations.
        domain: `SYNTHETIC` or `REAL`, so that the two are shuffled independently.
    """

    def __init__(self, count: int, seed: int, domain: int) -> None:
        self.count, self.seed, self.domain = count, seed, domain
        self._pass, self._order = -1, torch.empty(0, dtype=torch.int64)

    def __getitem__(self, position: int) -> int:
        """The sample's number at a position, from 0 without end."""
        number, place = divmod(position, self.count)
        if number != self._pass:  # kept until the next pass: nearly all calls are in order
            generator = generator_at(self.seed, self.domain, -1 - number)
            self._pass, self._order = number, torch.randperm(self.count, generator=generator)
        return int(self._order[place])


class ClassBalanced:
    """An endless sequence of sample numbers in which every class comes equally often.

    Args:
        classes: The class of each sample.
        seed: Seeds the permutations.
        domain: `SYNTHETIC` or `REAL`.
    """

    def __init__(self, classes: Sequence[int], seed: int, domain: int) -> None:
        self.members = [[i for i, c in enumerate(classes) if c == name] for name in sorted(set(classes))]
        self.turn = Shuffled(len(self.members), seed + 1, domain)
        self.within = [Shuffled(len(members), seed + 2 + number, domain) for number, members in enumerate(self.members)]

    def __getitem__(self, position: int) -> int:
        """The sample's number at a position, from 0 without end."""
        chosen = self.turn[position]
        return self.members[chosen][self.within[chosen][position // len(self.members)]]


def labeled_order(kind: LabelKind, labels: Tensor, seed: int, domain: int) -> ClassBalanced | Shuffled:
    """Return an order in which every class comes equally often; of labels that are not classes, every image."""
    return ClassBalanced(labels.tolist(), seed, domain) if kind.one_class else Shuffled(len(labels), seed, domain)


class PositionBatches(Sampler[list[int]]):
    """Batches of positions without end, from a step on, each process its own part.

    Args:
        batch_size: Positions a batch and process.
        first_step: The step that the first batch belongs to; resuming goes on where a run stopped.
        rank: Number of this process.
        processes: How many there are.
    """

    def __init__(self, batch_size: int, first_step: int, rank: int = 0, processes: int = 1) -> None:
        self.batch_size, self.first_step = batch_size, first_step
        self.rank, self.processes = rank, processes

    def __iter__(self) -> Iterator[list[int]]:
        step = self.first_step
        while True:
            first = (step * self.processes + self.rank) * self.batch_size
            yield list(range(first, first + self.batch_size))
            step += 1


class TrainingPairs(Dataset[UnpairedBatch]):
    """Position to sample of both domains, by the seed alone. Images are uint8 levels.

    Args:
        synthetic: Images of one side.
        real: Of the other.
        augmentation: What cuts and moves them.
        balanced: Whether every synthetic class comes equally often.
        seed: Of shuffles and augmentation.
        matching: Features by which each synthetic crop has a real one that resembles it (see `MatchedCrops`); None:
            the two sides are drawn independently.
    """

    def __init__(
        self,
        synthetic: ImageStore,
        real: ImageStore,
        augmentation: Augmentation,
        balanced: bool,
        seed: int,
        matching: str | None = None,
    ) -> None:
        self.synthetic, self.real = synthetic, real
        self.augmentation, self.seed = augmentation, seed
        self.real_order = Shuffled(len(real), seed, REAL)
        self.synthetic_order: Shuffled | ClassBalanced = Shuffled(len(synthetic), seed, SYNTHETIC)
        if balanced and synthetic.kind is not None:
            classes = [int(synthetic.kind.label(synthetic.annotation(index))) for index in range(len(synthetic))]
            self.synthetic_order = ClassBalanced(classes, seed, SYNTHETIC)
        draws = partial(generator_at, seed + OWN_SEEDS)
        self.matches = None if matching is None else MatchedCrops(synthetic, real, augmentation, matching, draws)

    def __getitem__(self, position: int) -> UnpairedBatch:
        index, space = self.synthetic_order[position], self.synthetic.layout.label_space
        if self.matches is not None:
            draw = generator_at(self.seed, SYNTHETIC, position)
            number = index * CROPS + int(torch.randint(CROPS, (), generator=draw))
            theirs = self.matches.crop(self.real, REAL, self.matches.matched(number, draw), UNLABELED)
            return _pair(self.synthetic, index, self.matches.crop(self.synthetic, SYNTHETIC, number, space), theirs)
        generator = generator_at(self.seed, SYNTHETIC, position)
        synthetic = self.augmentation(self.synthetic[index], space, generator)
        real_image = AnnotatedImage(self.real.image(self.real_order[position]), Annotation())
        real = self.augmentation(real_image, UNLABELED, generator_at(self.seed, REAL, position))
        return _pair(self.synthetic, index, synthetic, real)


class ValidationPairs(Dataset[UnpairedBatch]):
    """The same images each time, as uint8 levels; the shorter side wraps around."""

    def __init__(self, synthetic: ImageStore, real: ImageStore, crop: tuple[int, int] | None) -> None:
        self.synthetic, self.real, self.crop = synthetic, real, crop

    def __len__(self) -> int:
        return max(len(self.synthetic), len(self.real))

    def __getitem__(self, position: int) -> UnpairedBatch:
        index = position % len(self.synthetic)
        synthetic, real = self.synthetic[index], self.real[position % len(self.real)]
        if self.crop is not None:
            synthetic, real = center_crop(synthetic, *self.crop), center_crop(real, *self.crop)
        return _pair(self.synthetic, index, synthetic, real)


def _pair(store: ImageStore, index: int, synthetic: AnnotatedImage, real: AnnotatedImage) -> UnpairedBatch:
    label = torch.empty(0) if store.kind is None else store.kind.label(synthetic.annotation)
    return {"synthetic": Labeled(synthetic.image, label, store.records[index].key), "real": real.image}
