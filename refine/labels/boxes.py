"""Labels that are boxes with a class each."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refine.labels.annotation import Annotation, box_rows, learned
from refine.labels.base import GRID, HALF, BatchMove, CountedLabel, JudgeDefaults, LabelKind, weighted_interval
from refine.labels.scoring import Figures, Scoring
from refine.losses.detection import detection_loss
from refine.metrics.detection import (
    HitRanking,
    average_precision,
    box_agreement,
    box_scores,
    match_boxes,
    missed,
)
from refine.metrics.intervals import Statistic
from refine.networks.detector import STRIDE, decoded_boxes


class ObjectScoring(Scoring):
    """COCO's average precision: mean over overlaps of 0.5 to 0.95 and over the classes that the test images show.

    ``labels`` are ``(N, M, 5)`` rows of class, left, top, right and bottom in pixels, predictions ``(seeds, N, P, 6)``
    rows of class, score and the same; class -1 is no box.
    """

    metric = "ap"
    resamples, swaps = 500, 999  # each sorts precision anew: a minute a row with some hundred images

    def statistic(self, rows: Sequence[Tensor]) -> Statistic:
        """Mean over the classes that the weighted images show, then over seeds."""
        label = [true for _ in rows for true in self.labels]
        seeds = [[found for row in rows for found in row[seed]] for seed in range(len(rows[0]))]
        matches = [match_boxes(predicted, label, len(self.names)) for predicted in seeds]
        ranked = [[HitRanking(found, len(label)) for found in seed.classes] for seed in matches]

        def ap(weights: Tensor) -> Tensor:
            each = [torch.stack([found.precision(weights) for found in classes], 1) for classes in ranked]
            return torch.stack(each).nanmean(dim=2).mean(dim=0)

        return ap

    def figures(self, predictions: Tensor) -> Figures:
        """Average precision over overlaps and at 0.5, and that of each class."""
        found = torch.stack(
            [average_precision(match_boxes(seed, self.labels, len(self.names))) for seed in predictions]
        )  # (seeds, T, K)
        shown = [(number, name) for number, name in enumerate(self.names) if not bool(found[0, 0, number].isnan())]
        of_class = found.mean(dim=1)
        return {
            "ap": of_class.nanmean(dim=1).tolist(),
            "ap50": found[:, 0].nanmean(dim=1).tolist(),
            "by_class": {name: of_class[:, number].tolist() for number, name in shown},
        }


class BoxLabels(LabelKind):
    """Boxes with a class each.

    Labels are ``(B, M, 5)`` float32 boxes as `box_rows` gives them, outputs the maps of `SmallDetector`, estimates and
    predictions ``(B, P, 6)`` boxes as `decoded_boxes` gives them.
    """

    name = "objects"
    part = "objects"
    counted = "objects"
    example_layout = "coco"
    hub_task = "object-detection"
    networks = ("small-detector",)
    judges = JudgeDefaults(("small-detector",) * 2, steps=600, batch_size=16, images_per_call=16, longest_side=256)
    batch_size = 8
    predicted_per_call = 16
    scoring = ObjectScoring
    has_places = True
    every_image = False
    has_semantic_loss = False
    has_mean = False

    def label(self, annotation: Annotation) -> Tensor:
        """As `box_rows`; an image without a label shows nothing."""
        return box_rows(annotation.objects)

    def learned(self, annotation: Annotation, tally: Counter[str]) -> Annotation:
        """No crowds, and nothing without area (see `refine.labels.annotation.learned`)."""
        return Annotation(objects=learned(annotation.objects, tally))

    def resized(self, label: Tensor, before: tuple[int, int], size: tuple[int, int]) -> Tensor:
        """In pixels of the new size."""
        factors = torch.tensor([1.0, *(size[1] / before[1], size[0] / before[0]) * 2])
        return torch.where(label[:, :1] < 0, label, label * factors)

    def counts(self, annotation: Annotation, classes: int, size: tuple[int, int], cells: int) -> CountedLabel:
        """Objects, and how much of each cell the boxes of each class cover."""
        objects = annotation.objects
        if objects is None:
            return CountedLabel()
        boxes, numbers = objects.boxes.as_subclass(Tensor).double().numpy(), objects.classes.numpy()
        shares = np.zeros((classes, cells, cells))
        for number in np.unique(numbers):
            shares[number] = covered_shares(boxes[numbers == number], size, cells)
        return CountedLabel(np.bincount(numbers, minlength=classes + 1), shares)

    def moved(self, label: Tensor, move: BatchMove, mirror: Sequence[int]) -> Tensor:
        """Cut at the image's border; a box outside of it is no object."""
        height, width = move.size
        left, top, right, bottom = label[..., 1:].unbind(-1)
        left, right = ((x - move.across).clamp(0, width) for x in (left, right))
        top, bottom = ((y - move.down).clamp(0, height) for y in (top, bottom))
        mirrored = move.mirrored
        left, right = torch.where(mirrored, width - right, left), torch.where(mirrored, width - left, right)
        moved = torch.stack([label[..., 0], left, top, right, bottom], dim=-1)
        there = (label[..., 0] >= 0) & (right > left) & (bottom > top)
        return moved.where(there[..., None], -1.0)

    def loss(self, outputs: Tensor, label: Tensor) -> Tensor:
        """The focal loss of centers and the misfit of boxes."""
        return detection_loss(outputs, label, STRIDE)

    def estimate(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        """The boxes."""
        return decoded_boxes(outputs, size)

    def set_scores(self, kept: Sequence[Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        """``task/map``, ``task/map50`` and ``task/map50_NAME``; classes without objects are left out."""
        predicted, label = kept
        found = box_scores(match_boxes(predicted, label, len(names)))
        each = zip(names, found.per_class50, strict=True)
        scores = {"task/map": found.map, "task/map50": found.map50, **{f"task/map50_{name}": s for name, s in each}}
        return {name: torch.tensor(score) for name, score in scores.items() if not math.isnan(score)}

    def error(self, predicted: Tensor, label: Tensor, classes: int) -> Tensor:
        """The share of objects that no box of their class finds, in the mean over classes; what was invented beside
        them does not count. NaN without an object."""
        return missed(match_boxes(predicted, label, classes, (HALF,))).float()

    def rejected(self, predicted: Tensor, label: Tensor, classes: int) -> Tensor:
        """Those in which less than `HALF` of the objects is found, in the mean over classes."""
        pairs = zip(predicted, label, strict=True)
        alone = (match_boxes(found[None], true[None], classes, (HALF,)) for found, true in pairs)
        return torch.stack([missed(matches) > HALF for matches in alone])

    def agreements(self, first: Tensor, second: Tensor, spread: Tensor | None = None) -> Tensor:
        """As `box_agreement`."""
        return box_agreement(first, second)

    def error_interval(self, kept: Sequence[Tensor], classes: int, seed: int) -> tuple[float, float, float]:
        """Return the error of the objects in the weighted images."""
        predicted, label = kept
        matches = match_boxes(predicted, label, classes, (HALF,))
        return weighted_interval(
            lambda weights: torch.stack([missed(matches, one) for one in weights]), len(label), seed
        )

    def lack(self, labels: Tensor, names: Sequence[str]) -> str | None:
        """Whether there is any object."""
        if bool((labels[..., 0] >= 0).any()):
            return None
        return f"no image shows one of {', '.join(names)}; is the mapping the right one?"

    def judge_scores(self, estimate: Tensor, label: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Match boxes as COCO does: each detection finds one object at most.

        ``box_overlap_deficit``: one less the mean intersection over union of the labeled objects with what found them;
        not found is 0. ``object_doubt``: one less the smallest score of what found the objects, however small; 1 if one
        was not found. Both are 0 where nothing is labeled. ``objects_appeared``: the highest score of a detection that
        found no labeled object: something may have been invented. All are in [0, 1].
        """
        label = self.plain(label)
        images, at = len(label), label.device
        found, overlap = (torch.zeros(images, dtype=torch.float64) for _ in range(2))
        least, extra = torch.ones(images, dtype=torch.float64), torch.zeros(images, dtype=torch.float64)
        objects = (label[..., 0] >= 0).sum(1).cpu().double()
        for rows in match_boxes(estimate, label, len(names), (HALF,)).classes:
            hit, image = rows.hit[0], rows.image
            found.index_add_(0, image[hit], torch.ones_like(rows.score[hit]))
            overlap.index_add_(0, image[hit], rows.overlap[hit])
            least.scatter_reduce_(0, image[hit], rows.score[hit], "amin")
            extra.scatter_reduce_(0, image[~hit], rows.score[~hit], "amax")
        some = objects > 0
        scores = {
            "box_overlap_deficit": torch.where(some, 1 - overlap / objects.clamp(min=1), 0.0),
            "object_doubt": torch.where(some, torch.where(found < objects, 1.0, 1 - least), 0.0),
            "objects_appeared": extra,
        }
        return {name: values.float().to(at) for name, values in scores.items()}

    def deciding(self, names: Sequence[str]) -> tuple[str, ...]:
        """All."""
        return "object_doubt", "box_overlap_deficit", "objects_appeared"

    def differences(self, labels: Tensor, names: Sequence[str], size: tuple[int, int]) -> Tensor:
        """One less the overlap of the areas that their classes cover."""
        labels = self.plain(labels).float()
        centers = (torch.arange(GRID, device=labels.device) + 0.5) / GRID
        covered = _covered(labels, centers * size[0], centers * size[1])  # (B, M, GRID, GRID)
        found = [(covered & (labels[..., 0] == index)[..., None, None]).any(1) for index in range(len(names))]
        counts = torch.stack(found, dim=1).flatten(1).float()
        both = counts @ counts.T
        either = counts.sum(1)[:, None] + counts.sum(1)[None] - both
        return 1 - torch.where(either > 0, both / either.clamp(min=1), 1.0)

    def replacement(self, names: Sequence[str]) -> tuple[str, str, tuple[float | None, ...]]:
        """By an image whose areas differ so much."""
        return "another image", "share of area", (0.25, 0.5, 0.75)

    def place_shown(self, labels: Tensor) -> Tensor:
        """Whether there is an object."""
        return (self.plain(labels)[..., 0] >= 0).any(1)

    def things(self, label: Tensor, size: tuple[int, int]) -> Tensor:
        """Pixels whose center lies in a box."""
        rows = label[label[:, 0] >= 0].float()
        return _covered(rows, *(torch.arange(side, device=label.device) + 0.5 for side in size))

    def elsewhere(self, labels: Tensor, others: Tensor, size: tuple[int, int]) -> Tensor:
        """Where there is no object."""
        return ~torch.stack([self.things(label, size).any(0) for label in self.plain(labels)])


def _covered(rows: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """``(..., len(y), len(x))`` bool: which points lie in each of ``(..., 5)`` boxes."""
    _, left, top, right, bottom = rows[..., None].unbind(-2)
    down, across = (y >= top) & (y < bottom), (x >= left) & (x < right)
    return down[..., :, None] & across[..., None, :]


def covered_shares(boxes: NDArray[np.float64], size: tuple[int, int], cells: int) -> NDArray[np.float64]:
    """Return which shares of an image's cells boxes ``(N, 4)`` cover together: exact, on a grid of all edges."""
    height, width = size
    across, down = (np.linspace(0, side, cells + 1) for side in (width, height))
    x, y = (np.clip(boxes[:, place::2], 0, edges[-1]) for place, edges in ((0, across), (1, down)))
    columns, rows = np.union1d(x, across), np.union1d(y, down)
    covered = np.zeros((len(rows) - 1, len(columns) - 1))
    corners = zip(*np.searchsorted(rows, y).T, *np.searchsorted(columns, x).T, strict=True)
    for top, bottom, left, right in corners:
        covered[top:bottom, left:right] = 1
    covered *= np.outer(np.diff(rows), np.diff(columns))
    by_row = np.add.reduceat(covered, np.searchsorted(rows, down[:-1]), axis=0)
    by_cell = np.add.reduceat(by_row, np.searchsorted(columns, across[:-1]), axis=1)
    shares: NDArray[np.float64] = by_cell / (across[1] * down[1])
    return shares
