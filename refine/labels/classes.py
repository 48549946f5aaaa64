"""Labels that are one class of the whole image."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from refine.labels.annotation import Annotation
from refine.labels.base import CountedLabel, JudgeDefaults, LabelKind, blind_class, require_same_shape
from refine.labels.scoring import Figures, Scoring
from refine.losses.precision import full_precision
from refine.metrics.intervals import clopper_pearson

SUM_TOLERANCE = 1e-4
"""Distance from one up to which sums of an image's numbers are those of probabilities."""


class ClassScoring(Scoring):
    """Accuracy; ``labels`` are ``(N,)`` int64, predictions ``(seeds, N)``."""

    metric = "accuracy"

    def image_scores(self, predictions: Tensor) -> Tensor:
        """1 where an image was classified right."""
        return (predictions == self.labels).double()

    def figures(self, predictions: Tensor) -> Figures:
        """Accuracy, its mean over the classes of the test images, recall of each, and the confusion matrix."""
        right, count = self.image_scores(predictions), len(self.names)
        recall = torch.stack([right[:, self.labels == number].mean(dim=1) for number in range(count)])
        flat = (self.labels * count + predictions).flatten()
        return {
            "accuracy": right.mean(dim=1).tolist(),
            "balanced_accuracy": recall.nanmean(dim=0).tolist(),
            "by_class": {
                name: seeds.tolist() for name, seeds in zip(self.names, recall, strict=True) if not seeds.isnan().any()
            },
            "confusion": torch.bincount(flat, minlength=count * count).reshape(count, count).tolist(),
        }


class ClassLabels(LabelKind):
    """One class an image.

    Labels and predictions are ``(B,)`` int64, outputs ``(B, K)`` logits, estimates ``(B, K)`` probabilities.
    """

    name = "class"
    part = "class_id"
    fewest_names = 2
    example_layout = "class-folders"
    cure = "name the ones to compare (--classes A,B,…)"
    hub_task = "image-classification"
    networks = ("small-cnn", "lenet", "dtn", "resnet18", "resnet50")
    judges = JudgeDefaults(("lenet", "small-cnn"), steps=400, batch_size=64, images_per_call=512, longest_side=128)
    scoring = ClassScoring
    one_class = True
    has_probabilities = True

    def counts(self, annotation: Annotation, classes: int, size: tuple[int, int], cells: int) -> CountedLabel:
        """1 at the image's class."""
        if annotation.class_id is None:
            return CountedLabel()
        return CountedLabel(np.bincount([int(annotation.class_id)], minlength=classes + 1))

    def loss(self, outputs: Tensor, label: Tensor) -> Tensor:
        """Cross-entropy."""
        return F.cross_entropy(outputs, label)

    def loss_per_image(self, outputs: Tensor, label: Tensor) -> Tensor:
        """Cross-entropy, in nats."""
        if outputs.ndim != 2 or label.shape != outputs.shape[:1]:
            found = f"{tuple(outputs.shape)} and {tuple(label.shape)}"
            raise ValueError(f"expected outputs (B, K), label (B,), found {found}")
        return F.cross_entropy(full_precision(outputs), label, reduction="none")

    def batch_scores(self, predicted: Tensor, label: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """``task/validation_accuracy``."""
        return {"task/validation_accuracy": self.agreement(predicted, label)}

    def error(self, predicted: Tensor, label: Tensor, classes: int) -> Tensor:
        """The share of images with another class than their label."""
        return self.rejected(predicted, label, classes).float().mean()

    def rejected(self, predicted: Tensor, label: Tensor, classes: int) -> Tensor:
        """Those with another class than their label."""
        require_same_shape("predicted and label", predicted, label)
        return predicted != label

    def agreements(self, first: Tensor, second: Tensor, spread: Tensor | None = None) -> Tensor:
        """1 where both are one class."""
        return (first == second).float()

    def error_interval(self, kept: Sequence[Tensor], classes: int, seed: int) -> tuple[float, float, float]:
        """With the exact interval (Clopper-Pearson)."""
        predicted, label = kept
        wrong, count = int((predicted != label).sum()), len(label)
        return wrong / count, *clopper_pearson(wrong, count)

    def only_prediction(self, kept: Sequence[Tensor], classes: int) -> int | None:
        """One of the images' classes."""
        predicted, label = (torch.bincount(found, minlength=classes) for found in kept)
        return blind_class(predicted, label)

    def judge_scores(self, estimate: Tensor, label: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """``class_doubt``, surprise at the label in nats: the negative logarithm of its probability. ``class_margin``,
        log-probability of the best other class less that of the label: above 0 the judge says another, and unlike doubt
        it goes on below a probability of one, so that sure estimates differ.
        """
        logs, place = log_probabilities(estimate), label.as_subclass(Tensor)[:, None].long()
        own = logs.gather(1, place)[:, 0]
        return {"class_doubt": -own, "class_margin": logs.scatter(1, place, -torch.inf).amax(1) - own}

    def deciding(self, names: Sequence[str]) -> tuple[str, ...]:
        """The doubt."""
        return ("class_doubt",)

    def differences(self, labels: Tensor, names: Sequence[str], size: tuple[int, int]) -> Tensor:
        """1 where they differ."""
        return (labels[:, None] != labels[None]).float()

    def replacement(self, names: Sequence[str]) -> tuple[str, str, tuple[float | None, ...]]:
        """By an image of another class."""
        return "another class's image", "", (None,)


def log_probabilities(outputs: Tensor) -> Tensor:
    """Return the logarithm of what a network or judge says.

    Args:
        outputs: ``(B, K, ...)`` logits or log-probabilities; or probabilities, known by that: none below 0, and over K
            they sum to one everywhere.

    Returns:
        The same shape, float32, finite.
    """
    values = outputs.float()
    if bool((values >= 0).all()) and bool(((values.sum(1) - 1).abs() <= SUM_TOLERANCE).all()):
        return values.clamp(min=torch.finfo(values.dtype).tiny).log()
    return values.log_softmax(1)
