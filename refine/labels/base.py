"""Interface of a kind of label: how it is learned, predicted, scored, compared, moved and counted."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from refine.errors import InputError
from refine.labels.annotation import Annotation
from refine.labels.scoring import Scoring
from refine.metrics.comparison import cohens_kappa
from refine.metrics.intervals import bounded_interval
from refine.metrics.segmentation import IGNORE
from refine.networks.task_networks import NetworkName

BLIND_SHARE = 0.9
"""Share of one and the same prediction from which on judges of classes or masks seem to be blind, where the labels
differ more."""
GRID = 32
"""Labels with places are held against each other on a grid of this many places a side."""
HALF = 0.5
"""An image keeps its mask while the mean intersection over union of its own classes is this or more, and its objects
while this share of them is found; a box finds an object from this intersection over union on."""


class JudgeDefaults(NamedTuple):
    """How judges of an audit are trained and asked, where nothing else is said."""

    networks: tuple[NetworkName, ...]
    """Architectures; of one that stands twice, two are trained apart, which is weaker: others are too slow without a
    GPU (`--networks small-regressor resnet18`)."""
    steps: int
    """Training steps of one judge of few images."""
    batch_size: int
    images_per_call: int
    longest_side: int
    """Pixels to which larger images are reduced: labels are seen there, and judges train in minutes."""


class BatchMove(NamedTuple):
    """A shift, and perhaps a mirror, of each of B images of a batch."""

    pixels: tuple[Tensor, Tensor, Tensor]
    """Image, row and column that each pixel comes from; together they index ``(B, H, W)``."""
    down: Tensor
    across: Tensor
    """``(B, 1)`` pixels."""
    mirrored: Tensor
    """``(B, 1)`` bool."""
    size: tuple[int, int]
    """Height and width."""


class CountedLabel(NamedTuple):
    """Counts of one label for an inspection."""

    classes: NDArray[np.int64] | None = None
    """``(K + 1,)``: images, pixels or objects of each class, the last of no class."""
    cells: NDArray[np.float64] | None = None
    """``(K, cells, cells)``: share of each cell of the image that a class covers."""
    values: tuple[float, ...] | None = None


class LabelKind(ABC):
    """One kind of label. It has no state: everything is a function of what is passed.

    In all methods, *outputs* are what a task network says of B images, *estimate* is what `estimate` makes of them,
    *predicted* what `decided` makes of that, *label* what batches hold: each kind says their shapes. *names* are those
    of the K classes or targets. Where shapes do not fit, a ValueError says so: broadcasting would compare every image
    with every other.
    """

    name: ClassVar[str]
    """As label spaces, checkpoints and files have it: it never changes."""
    part: ClassVar[str]
    """The part of an `Annotation` that it is."""
    noun: ClassVar[str] = "classes"
    """Noun for what is named."""
    counted: ClassVar[str] = "images"
    """Noun for what is counted of each class."""
    fewest_names: ClassVar[int] = 1
    example_layout: ClassVar[str]
    """A layout that reads it."""
    cure: ClassVar[str] = "map one to the other (--mapping)"
    """How to make the names of two datasets the same."""
    hub_task: ClassVar[str] = "other"
    """Name of the task on the Hugging Face hub."""
    networks: ClassVar[tuple[NetworkName, ...]]
    """Those that learn it; the first is taken where none is named."""
    judges: ClassVar[JudgeDefaults]
    scoring: ClassVar[type[Scoring]]
    batch_size: ClassVar[int] = 32
    predicted_per_call: ClassVar[int] = 256
    """Scores, images in a step and images predicted at once of a benchmark."""

    one_class: ClassVar[bool] = False
    """Whether it is one class of the whole image. Then classes are drawn equally often and spread evenly over folds,
    each wrong label can be tried, and an image keeps its label wherever in it things are."""
    per_pixel: ClassVar[bool] = False
    """Whether each pixel has a class, or none. Such labels are large."""
    has_places: ClassVar[bool] = False
    """Whether it says where the classes are in the image."""
    every_image: ClassVar[bool] = True
    """Whether every image has one; else an image without one may have nothing to show."""
    has_probabilities: ClassVar[bool] = False
    has_semantic_loss: ClassVar[bool] = True
    has_mean: ClassVar[bool] = True
    """Whether estimates of several models have a mean."""

    def label(self, annotation: Annotation) -> Tensor:
        """Return the label of an image, as `Labeled.label` has it; empty where there is none."""
        found: Tensor | None = getattr(annotation, self.part)
        return torch.empty(0) if found is None else found

    def only(self, annotation: Annotation) -> Annotation:
        """Return an annotation without all other parts."""
        return replace(Annotation(), **{self.part: getattr(annotation, self.part)})

    def learned(self, annotation: Annotation, tally: Counter[str]) -> Annotation:
        """Return what training needs of an annotation; objects that are left out are counted in ``tally``."""
        return self.only(annotation)

    def packed(self, label: Tensor) -> Tensor:
        """Return labels in the smallest type that holds them, as a plain tensor."""
        return label.as_subclass(Tensor)

    def plain(self, label: Tensor) -> Tensor:
        """Return labels of a batch as losses and scores take them."""
        return label.as_subclass(Tensor)

    def resized(self, label: Tensor, before: tuple[int, int], size: tuple[int, int]) -> Tensor:
        """Bring the label of an image of one height and width to another, packed; nothing is dropped."""
        return self.packed(label)

    def moved(self, label: Tensor, move: BatchMove, mirror: Sequence[int]) -> Tensor:
        """Move labels with their images; ``mirror`` are the signs of targets in a mirrored image."""
        return label

    def counts(self, annotation: Annotation, classes: int, size: tuple[int, int], cells: int) -> CountedLabel:
        """Return what to count of the label of an image of this height and width, on a grid of ``cells`` a side."""
        return CountedLabel()

    def lack(self, labels: Tensor, names: Sequence[str]) -> str | None:
        """Say that the labels of a dataset hold nothing at all; None if they do."""
        return None

    def survives_shift(self, names: Sequence[str]) -> bool:
        """Return whether labels stay right where images are shifted by some pixels."""
        return True

    def require_names(self, names: Sequence[str]) -> None:
        """Raise `InputError` unless there are enough names, none twice."""
        if len(set(names)) < max(self.fewest_names, len(names)):
            wanted = f"{'two' if self.fewest_names == 2 else 'one'} or more different {self.noun}"
            raise InputError(f"a task needs {wanted}, found: {', '.join(names) or 'none'}")

    def network(self, asked: NetworkName | None) -> NetworkName:
        """Return the named network, or the usual one.

        Raises:
            InputError: If the network cannot learn this kind of label.
        """
        if asked is not None and asked not in self.networks:
            choices = ", ".join(self.networks)
            raise InputError(f"network={asked}: does not learn labels of kind {self.name}; choose {choices}")
        return asked or self.networks[0]

    @abstractmethod
    def loss(self, outputs: Tensor, label: Tensor) -> Tensor:
        """Return the training loss, ``()``."""

    def loss_per_image(self, outputs: Tensor, label: Tensor) -> Tensor:
        """Return the semantic loss, ``(B,)``; ValueError where there is none.

        Source:
            CyCADA, arXiv 1711.03213, equation 4.
        """
        raise ValueError(f"{self.name} labels have no semantic loss")

    def estimate(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        """Return probabilities, or values, or boxes in images of this height and width."""
        return F.softmax(outputs, dim=1) if self.has_probabilities else outputs

    def decided(self, estimate: Tensor) -> Tensor:
        """Return the prediction: of probabilities, or logits, the likeliest class."""
        return estimate.argmax(dim=1) if self.has_probabilities else estimate

    def require_pseudo_labels(self) -> None:
        """Raise `InputError` if estimates of this kind are no labels to learn from."""
        if not self.has_semantic_loss:
            raise InputError(f"self-training does not learn labels of kind {self.name}; use classes, masks or targets")

    def pseudo_labels(self, estimate: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
        """Return estimates ``(B, ...)`` as labels to learn from, and the weight of each, ``(B,)``: the share of it
        whose probability is at least ``threshold``; of kinds without probabilities 1.

        Raises:
            InputError: If estimates of this kind are no labels.

        Source:
            FixMatch, Sohn et al. 2020, arXiv 2001.07685, equation 4.
        """
        self.require_pseudo_labels()
        if not self.has_probabilities:
            return estimate, estimate.new_ones(len(estimate))
        confidence, label = estimate.max(dim=1)
        sure = confidence >= threshold
        if self.per_pixel:
            label = label.masked_fill(~sure, IGNORE)
        return label, sure.flatten(1).float().mean(1) if self.per_pixel else sure.float()

    def batch_scores(self, predicted: Tensor, label: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Return scores whose mean over batches is logged; none of kinds that have `set_scores`."""
        return {}

    def kept(self, predicted: Tensor, label: Tensor, classes: int) -> tuple[Tensor, ...]:
        """Return what scores of all images together need of a batch, image by image."""
        return predicted, label

    def set_scores(self, kept: Sequence[Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        """Return scores of all images together, float32, without those that are NaN."""
        return {}

    @abstractmethod
    def error_interval(self, kept: Sequence[Tensor], classes: int, seed: int) -> tuple[float, float, float]:
        """Return the error of N images and its 95 % interval; ``seed`` is that of the images' random weights."""

    def only_prediction(self, kept: Sequence[Tensor], classes: int) -> int | None:
        """Return the class that judges name nearly always, of images or pixels, where the labels are mixed: a sign that
        they cannot read these images. None if there is no such class."""
        return None

    @abstractmethod
    def error(self, predicted: Tensor, label: Tensor, classes: int) -> Tensor:
        """Return the error of predictions, ``()`` float32 in [0, 1]."""

    @abstractmethod
    def rejected(self, predicted: Tensor, label: Tensor, classes: int) -> Tensor:
        """Return which images a judge rejects, ``(B,)`` bool."""

    def agreement(self, first: Tensor, second: Tensor) -> Tensor:
        """Return how far predictions on two sets of images are the same, ``()`` float32 in [0, 1]; asks no label."""
        require_same_shape("predictions", first, second)
        return self.agreements(first, second).mean()

    def beyond_chance(self, first: Tensor, second: Tensor) -> float:
        """Return how far predictions of the same images are the same: 1 if all are, 0 if no more than by chance. Of
        images or pixels Cohen's kappa."""
        return cohens_kappa(first.flatten().long(), second.flatten().long())

    @abstractmethod
    def agreements(self, first: Tensor, second: Tensor, spread: Tensor | None = None) -> Tensor:
        """Return the agreement of each image, ``(B,)`` float32 in [0, 1]; ``spread`` is that of the labels."""

    def spread(self, label: Tensor) -> Tensor | None:
        """Return the mean absolute deviation of each target; None of other labels."""
        return None

    @abstractmethod
    def judge_scores(self, estimate: Tensor, label: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Return how far a judge's estimate, or logits, are from the label: by measure ``(B,)`` float32, finite, higher
        is more suspicious. Always the same measures for the same names."""

    @abstractmethod
    def deciding(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the `judge_scores` that a verdict hangs on."""

    @abstractmethod
    def differences(self, labels: Tensor, names: Sequence[str], size: tuple[int, int]) -> Tensor:
        """Hold every label against every other: which image in another's place makes a label wrong? Return ``(B, B)``
        float32, 0 on the diagonal. Objects are in pixels of images of this height and width."""

    @abstractmethod
    def replacement(self, names: Sequence[str]) -> tuple[str, str, tuple[float | None, ...]]:
        """Return name, unit and sizes of the corruption that replaces an image by one that differs so much; the name
        begins with one of `REPLACING` of `refine.audit.calibration`."""

    def place_shown(self, labels: Tensor) -> Tensor:
        """Return ``(B,)`` bool: whether a label says where something is, and not only that all is one thing."""
        raise ValueError(f"{self.name} labels have no places")

    def things(self, label: Tensor, size: tuple[int, int]) -> Tensor:
        """Return where the things in one image are, ``(things, H, W)`` bool."""
        raise ValueError(f"{self.name} labels have no places")

    def elsewhere(self, labels: Tensor, others: Tensor, size: tuple[int, int]) -> Tensor:
        """Return ``(B, H, W)`` bool: where each image has something else than the image of number ``others``."""
        raise ValueError(f"{self.name} labels have no places")


def require_same_shape(what: str, first: Tensor, second: Tensor) -> None:
    """Raise ValueError where the shapes differ."""
    if first.shape != second.shape:
        raise ValueError(f"{what} {tuple(first.shape)} and {tuple(second.shape)} must match")


def blind_class(predicted: Tensor, label: Tensor) -> int | None:
    """Return the class that has `BLIND_SHARE` of the predictions ``(K,)``, where none has it of the labels ``(K,)``."""
    most = int(predicted.argmax())
    blind = predicted[most] >= BLIND_SHARE * predicted.sum() and label.max() < BLIND_SHARE * label.sum()
    return most if blind else None


def weighted_interval(errors: Callable[[Tensor], Tensor], count: int, seed: int) -> tuple[float, float, float]:
    """Return an error of N images with its `bounded_interval`; arguments as that takes them."""
    return float(errors(torch.ones(1, count, dtype=torch.float64))), *bounded_interval(errors, count, seed)
