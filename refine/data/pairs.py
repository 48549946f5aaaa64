"""Which samples stand at which position of training: pure functions of a seed, never of a worker's state.

Pairs are random, or matched: where the two sides differ in what they show (more sky, fewer cars, a class that one side
lacks), a translator that sees random pairs of crops learns to add what is missing. With matched ones, both sides show
about the same, and looks alone are left to learn (Richter, AlHaija and Koltun 2021, Enhancing Photorealism Enhancement,
arXiv 2105.04619).
"""

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from refine.data.augment import Augmentation
from refine.data.geometry import AnnotatedImage, center_crop
from refine.data.images import to_float
from refine.data.samples import Labeled, UnpairedBatch
from refine.data.store import ImageStore
from refine.errors import InputError
from refine.labels import Annotation, LabelKind, LabelSpace
from refine.metrics.features import NETWORKS, named_extractor
from refine.terminal import counted

SYNTHETIC, REAL = 0, 1

UNLABELED = LabelSpace("none")

THUMBNAIL, SIDE = "thumbnail", 8
"""Features that need no weights: the crop itself in 8x8 pixels."""

CROPS, NEIGHBORS = 8, 5
"""Crops of each image, and real crops that each synthetic one is matched with, of as many images."""

IMAGES = 8
"""Images whose crops' features are taken at once."""

AT_ONCE = 1 << 24
"""Similarities that are held at once."""

OWN_SEEDS = 1 << 20
"""Seeds of the crops lie so much higher than those of unmatched training."""


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


def require_features(name: str | None) -> None:
    """Raise `InputError` if there are no features of this name; None is no matching."""
    if name not in (None, THUMBNAIL, *NETWORKS):
        raise InputError(f"data.matching is {name}; expected {', '.join((THUMBNAIL, *NETWORKS))}")


class MatchedCrops:
    """Real crops for each of `CROPS` synthetic crops of each image, found once.

    A crop is a function of the seed, the domain, the image and its number among the image's crops, flips and shifts
    included. Each side's mean is taken out of its features, so that what all its crops share, their looks, counts less;
    then the cosine tells which are near.

    Args:
        synthetic: Images of one side.
        real: Of the other.
        augmentation: What cuts the crops.
        features: `THUMBNAIL`, or one of `refine.metrics.features.NETWORKS`.
        seed: That of training.

    Raises:
        InputError: If the weights of these features are not there.
    """

    def __init__(
        self, synthetic: ImageStore, real: ImageStore, augmentation: Augmentation, features: str, seed: int
    ) -> None:
        self.augmentation, self.seed = augmentation, seed + OWN_SEEDS
        extractor: Callable[[Tensor], Tensor] = thumbnail if features == THUMBNAIL else named_extractor(features)
        with counted(len(synthetic) + len(real), "matching crops") as advance:
            ours = self._features(synthetic, SYNTHETIC, extractor, advance)
            theirs = self._features(real, REAL, extractor, advance)
        near = []
        for part in torch.split(ours, max(1, AT_ONCE // len(theirs))):
            best = (part @ theirs.T).view(len(part), -1, CROPS).max(dim=2)  # of each real image its best crop
            images = best.values.topk(min(NEIGHBORS, len(real))).indices
            near.append(images * CROPS + best.indices.gather(1, images))
        self.nearest = torch.cat(near).int()
        """``(synthetic crops, NEIGHBORS)``: numbers of real crops, the nearest first."""

    def crop(self, store: ImageStore, domain: int, number: int, space: LabelSpace) -> AnnotatedImage:
        """Return a crop of a side by its number: image by image, `CROPS` each."""
        index = number // CROPS
        sample = store[index] if domain == SYNTHETIC else AnnotatedImage(store.image(index), Annotation())
        return self.augmentation(sample, space, generator_at(self.seed, domain, number))

    def _features(
        self, store: ImageStore, domain: int, extractor: Callable[[Tensor], Tensor], advance: Callable[[int], None]
    ) -> Tensor:
        found = []
        for indices in torch.split(torch.arange(len(store)), IMAGES):
            images = []
            for index in indices.tolist():
                whole = AnnotatedImage(store.image(index), Annotation())  # its label draws nothing
                draws = (generator_at(self.seed, domain, index * CROPS + number) for number in range(CROPS))
                images += [to_float(self.augmentation(whole, UNLABELED, draw).image) for draw in draws]
            found.append(extractor(torch.stack(images)).flatten(1))
            advance(len(indices))
        features = torch.cat(found)
        return F.normalize(features - features.mean(dim=0), dim=1)


def thumbnail(images: Tensor) -> Tensor:
    """``(B, C, H, W)`` to ``(B, C, 8, 8)``: means of parts of the image."""
    return F.adaptive_avg_pool2d(images, SIDE)


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
        self.matches = None if matching is None else MatchedCrops(synthetic, real, augmentation, matching, seed)

    def __getitem__(self, position: int) -> UnpairedBatch:
        index, space = self.synthetic_order[position], self.synthetic.layout.label_space
        draw = generator_at(self.seed, SYNTHETIC, position)
        if self.matches is not None:
            number = index * CROPS + int(torch.randint(CROPS, (), generator=draw))
            nearest = self.matches.nearest[number]
            matched = int(nearest[int(torch.randint(len(nearest), (), generator=draw))])
            theirs = self.matches.crop(self.real, REAL, matched, UNLABELED)
            return _pair(self.synthetic, index, self.matches.crop(self.synthetic, SYNTHETIC, number, space), theirs)
        synthetic = self.augmentation(self.synthetic[index], space, draw)
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
