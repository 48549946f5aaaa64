"""Labels that are named real values.

A value that begins anew, such as a drum's reading of 0 to 9.9, an hour or a heading, is learned as the cosine and the
sine of its place in the cycle, two targets whose names say so: there is no jump where the cycle ends. Errors are the
shorter way around, in the value's own unit.
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from refine.labels.annotation import Annotation
from refine.labels.base import BatchMove, CountedLabel, JudgeDefaults, LabelKind, require_same_shape, weighted_interval
from refine.labels.gaze import angular_error, gaze_order
from refine.labels.scoring import Figures, Scoring
from refine.losses.precision import full_precision


class Quantity(NamedTuple):
    """A named number, and the targets that hold it."""

    name: str
    columns: tuple[int, ...]
    """Its place among the targets; of a cyclic one, those of cosine and sine."""
    period: float | None = None


def cyclic_names(name: str, period: float) -> tuple[str, str]:
    """Return the names of the two targets of a cyclic value, such as ``value mod 10 cosine``."""
    return f"{name} mod {period:.12g} cosine", f"{name} mod {period:.12g} sine"


def on_circle(value: Tensor, period: float) -> Tensor:
    """Return ``(..., 2)`` cosine and sine of values ``(...)`` that begin anew after ``period``."""
    turn = value * (2 * math.pi / period)
    return torch.stack([turn.cos(), turn.sin()], dim=-1)


def quantities(names: Sequence[str]) -> list[Quantity]:
    """Return what targets of these names say: each by itself, but cosine and sine of one value together."""
    found: list[Quantity] = []
    for place, name in enumerate(names):
        if found and place in found[-1].columns:
            continue
        match = re.fullmatch(r"(.+ mod (\d[\d.e+-]*)) cosine", name)
        if match and list(names[place + 1 : place + 2]) == [f"{match[1]} sine"]:
            found.append(Quantity(match[1], (place, place + 1), float(match[2])))
        else:
            found.append(Quantity(name, (place,)))
    return found


def values(targets: Tensor, names: Sequence[str]) -> Tensor:
    """Return the numbers that targets ``(..., K)`` of these names stand for, ``(..., Q)``; cyclic ones from 0 on."""
    found = []
    for _, columns, period in quantities(names):
        part = targets[..., list(columns)]
        if period is None:
            found.append(part[..., 0])
        else:
            found.append(torch.atan2(part[..., 1], part[..., 0]).div(2 * math.pi).remainder(1.0) * period)
    return torch.stack(found, dim=-1)


def absolute_errors(predicted: Tensor, label: Tensor, names: Sequence[str]) -> Tensor:
    """Return errors of each quantity, ``(..., Q)``, of targets ``(..., K)``; half a period at most of cyclic ones."""
    found = []
    for _, columns, period in quantities(names):
        one, other = predicted[..., list(columns)], label[..., list(columns)]
        if period is None:
            found.append((one - other).abs()[..., 0])
        else:
            cross = one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]
            found.append(torch.atan2(cross.abs(), (one * other).sum(-1)) * (period / (2 * math.pi)))
    return torch.stack(found, dim=-1)


class TargetScoring(Scoring):
    """The mean angle in degrees of pitch and yaw, the mean absolute error of all other targets.

    ``labels`` are ``(N, K)`` float32, predictions ``(seeds, N, K)``; pitch and yaw in radians (see `gaze_vector`),
    others in any unit; a cyclic value's error is the shorter way around, in its unit.
    """

    higher_is_better = False

    def __init__(self, labels: Tensor, names: Sequence[str]) -> None:
        super().__init__(labels, names)
        self.order = gaze_order(names)
        self.metric = "mean_absolute_error" if self.order is None else "mean_angular_error_degrees"

    def image_scores(self, predictions: Tensor) -> Tensor:
        """The error of each image."""
        predicted, labels = predictions.double(), self.labels.double().expand(predictions.shape)
        if self.order is None:
            return absolute_errors(predicted, labels, self.names).mean(dim=2)
        return angular_error(predicted[..., self.order], labels[..., self.order])

    def figures(self, predictions: Tensor) -> Figures:
        """The metric, and each target's mean absolute error."""
        each = absolute_errors(predictions.double(), self.labels.double(), self.names).mean(dim=1)
        by_class = {one.name: each[:, place].tolist() for place, one in enumerate(quantities(self.names))}
        errors: list[float] = self.image_scores(predictions).mean(dim=1).tolist()
        if self.order is None:
            return {"by_class": by_class, "mean_absolute_error": errors}
        return {"by_class": by_class, "mean_angular_error_degrees": errors}


class TargetLabels(LabelKind):
    """A vector of named real values an image.

    Labels, outputs, estimates and predictions are ``(B, K)`` floats. Two named pitch and yaw are a direction in
    radians (see `gaze_vector`), cosine and sine of one value a cyclic one.
    """

    name = "targets"
    part = "targets"
    noun = "targets"
    example_layout = "table"
    cure = "name the columns to read, in one order (`targets: [pitch, yaw]` in a YAML file, --layout FILE)"
    networks = ("small-regressor", "resnet18", "resnet50")
    judges = JudgeDefaults(("small-regressor",) * 2, steps=600, batch_size=64, images_per_call=256, longest_side=128)
    scoring = TargetScoring

    def counts(self, annotation: Annotation, classes: int, size: tuple[int, int], cells: int) -> CountedLabel:
        """The values."""
        return CountedLabel(values=None if annotation.targets is None else tuple(annotation.targets.tolist()))

    def moved(self, label: Tensor, move: BatchMove, mirror: Sequence[int]) -> Tensor:
        """Mirrored ones; shifts leave targets as they are."""
        if not bool(move.mirrored.any()):
            return label
        return torch.where(move.mirrored, label * torch.tensor(mirror, dtype=label.dtype), label)

    def loss(self, outputs: Tensor, label: Tensor) -> Tensor:
        """Smooth L1."""
        require_same_shape("outputs and targets", outputs, label)
        return F.smooth_l1_loss(outputs, label)

    def loss_per_image(self, outputs: Tensor, label: Tensor) -> Tensor:
        """Smooth L1 distance, averaged over an image's values.

        d²/2 up to a difference of 1, |d| - 1/2 beyond it: smooth where both agree, and one wild value does not outweigh
        the rest. Values of about unit scale (radians, standardized targets) are meant.
        Source: Fast R-CNN, arXiv 1504.08083, equation 3, in the place of the cross-entropy.
        """
        if outputs.ndim != 2 or outputs.shape != label.shape:
            found = f"{tuple(outputs.shape)} and {tuple(label.shape)}"
            raise ValueError(f"expected values and target (B, K), found {found}")
        return F.smooth_l1_loss(full_precision(outputs), full_precision(label), reduction="none").mean(dim=1)

    def batch_scores(self, predicted: Tensor, label: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """``task/mean_absolute_error_NAME`` in the targets' units; of pitch and yaw, the angle between as well."""
        errors = absolute_errors(predicted, label, names).mean(dim=0)
        each = zip(quantities(names), errors, strict=True)
        scores = {f"task/mean_absolute_error_{one.name}": error for one, error in each}
        if (order := gaze_order(names)) is not None:
            angles = angular_error(predicted[:, order], label[:, order])
            scores["task/mean_angular_error_degrees"] = angles.mean()
        return scores

    def error(self, predicted: Tensor, label: Tensor, classes: int) -> Tensor:
        """The mean absolute error in units of the labels' mean absolute deviation, at most 1 for each target: 0 is
        perfect, 1 no better than one value for all."""
        require_same_shape("predicted and label", predicted, label)
        return 1.0 - self.agreement(predicted, label)

    def rejected(self, predicted: Tensor, label: Tensor, classes: int) -> Tensor:
        """Those further off than the labels' mean absolute deviation, in the mean over targets."""
        require_same_shape("predicted and label", predicted, label)
        return ((predicted - label).abs() / self.spread(label)).mean(1) > 1.0

    def agreement(self, first: Tensor, second: Tensor) -> Tensor:
        """One less the mean absolute difference in units of the mean absolute deviation of ``second``, not below 0 for
        each target. A single image has no deviation: 1 if both are equal, else 0."""
        require_same_shape("predictions", first, second)
        first, second = first.float(), second.float()  # bfloat16 has eight bits for a mean
        return (1.0 - (first - second).abs().mean(0) / self.spread(second)).clamp_min(0.0).float().mean()

    def beyond_chance(self, first: Tensor, second: Tensor) -> float:
        """As `agreement`; 0 where one of them is the same value for all images, which shows no reading of them."""
        constant = min(float((one - one[:1]).abs().max()) for one in (first, second)) == 0
        return 0.0 if constant else float(self.agreement(first, second))

    def agreements(self, first: Tensor, second: Tensor, spread: Tensor | None = None) -> Tensor:
        """One less the mean difference in units of the spread, not below 0."""
        assert spread is not None
        return (1 - ((first - second).abs() / spread).mean(1)).clamp_min(0)

    def spread(self, label: Tensor) -> Tensor:
        """Not 0."""
        return (label - label.mean(0)).abs().mean(0).clamp_min(torch.finfo(label.dtype).tiny)

    def error_interval(self, kept: Sequence[Tensor], classes: int, seed: int) -> tuple[float, float, float]:
        """The spread is drawn anew as well: it is a figure of these images, too."""
        predicted, labels = (part.double() for part in kept)

        def errors(weights: Tensor) -> Tensor:
            total = weights.sum(1, keepdim=True)
            off, middle = weights @ (predicted - labels).abs() / total, weights @ labels / total
            columns = zip(labels.unbind(1), middle.unbind(1), strict=True)
            spread = torch.stack([(weights * (one - mean[:, None]).abs()).sum(1) for one, mean in columns], 1) / total
            return (off / spread.clamp_min(torch.finfo(torch.float32).tiny)).clamp(max=1.0).mean(1)

        return weighted_interval(errors, len(labels), seed)

    def survives_shift(self, names: Sequence[str]) -> bool:
        """A direction does; others may say where something is."""
        return gaze_order(names) is not None

    def judge_scores(self, estimate: Tensor, label: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """``error_NAME``, and of pitch and yaw ``angle_degrees``."""
        if estimate.shape != label.shape or estimate.shape[1] != len(names):
            found = f"outputs {tuple(estimate.shape)}, targets {tuple(label.shape)}"
            raise ValueError(f"{found} and {len(names)} names differ")
        estimate, label = estimate.float(), self.plain(label).float()
        errors = absolute_errors(estimate, label, names).unbind(1)
        scores = {f"error_{one.name}": error for one, error in zip(quantities(names), errors, strict=True)}
        if (order := gaze_order(names)) is not None:
            scores["angle_degrees"] = angular_error(estimate[:, order], label[:, order])
        return scores

    def deciding(self, names: Sequence[str]) -> tuple[str, ...]:
        """The angle, or all errors."""
        return ("angle_degrees",) if gaze_order(names) else tuple(f"error_{one.name}" for one in quantities(names))

    def differences(self, labels: Tensor, names: Sequence[str], size: tuple[int, int]) -> Tensor:
        """Degrees of gaze, of other targets the largest difference in units of that target's standard deviation."""
        values = self.plain(labels).float()
        if (order := gaze_order(names)) is not None:
            gaze, count = values[:, order], len(values)
            return angular_error(gaze[:, None].expand(count, count, 2), gaze[None].expand(count, count, 2))
        spread = values.std(0, correction=0).clamp_min(1e-12)
        return ((values[:, None] - values[None]).abs() / spread).amax(-1)

    def replacement(self, names: Sequence[str]) -> tuple[str, str, tuple[float | None, ...]]:
        """By an image whose values differ so much."""
        if gaze_order(names) is None:
            return "targets replaced", "standard deviations", (0.5, 1, 2)
        return "gaze replaced", "degrees", (5, 10, 20)
