"""Labels that are one class of each pixel."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import scipy  # its parts are imported where they are first used
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.tv_tensors import Mask

from refine.errors import InputError
from refine.labels.annotation import Annotation
from refine.labels.base import (
    GRID,
    HALF,
    BatchMove,
    CountedLabel,
    JudgeDefaults,
    LabelKind,
    blind_class,
    require_same_shape,
    weighted_interval,
)
from refine.labels.classes import log_probabilities
from refine.labels.scoring import Figures, Scoring
from refine.losses.precision import full_precision
from refine.metrics.intervals import Statistic
from refine.metrics.segmentation import (
    IGNORE,
    boundary_displacement,
    confusion_matrix,
    confusions,
    iou,
    mean_iou,
    one_hot,
    worst_region,
)

LEAST_CLASS_SHARE = 0.005
"""Share of an image's valid pixels that a class must have, labeled or predicted, to count alone: the overlap of a
handful of pixels says nothing."""
MOST_PARTS = 16
"""Connected parts of a class in one image that are looked at, the largest ones."""


class MaskScoring(Scoring):
    """Mean intersection over union of the classes that the test images show, or of some of them.

    ``labels`` are ``(N, H, W)``, 255 where no class is, not everywhere; predictions ``(seeds, N, H, W)``.
    """

    metric = "miou"

    def __init__(self, labels: Tensor, names: Sequence[str]) -> None:
        super().__init__(labels, names)
        self.shown = torch.tensor([bool((labels == number).any()) for number in range(len(names))])
        self.scored = self.shown

    def score_only(self, names: Sequence[str]) -> None:
        """Mean over these classes."""
        wanted = torch.tensor([name in names for name in self.names]) & self.shown
        if int(wanted.sum()) < len(set(names)):
            shown = ", ".join(name for name, there in zip(self.names, self.shown.tolist(), strict=True) if there)
            raise InputError(f"scored is {', '.join(names)}; the test images show {shown}")
        self.scored = wanted

    def statistic(self, rows: Sequence[Tensor]) -> Statistic:
        """Mean over the classes that the weighted images show, then over seeds."""
        parts = torch.cat([self._confusions(found) for found in rows])
        shape, flat = parts.shape[1:], parts.flatten(1)

        def miou(weights: Tensor) -> Tensor:
            confusion = (weights @ flat).reshape(-1, *shape)
            hits, labeled = confusion.diagonal(dim1=2, dim2=3), confusion.sum(3)
            of_class = hits / (confusion.sum(2) + labeled - hits)
            of_class = of_class.where(labeled > 0, torch.nan)[..., self.scored]  # not shown by these images
            return of_class.nanmean(dim=2).mean(dim=1)

        return miou

    def _confusions(self, predictions: Tensor) -> Tensor:
        """``(N, seeds, K, K)`` float64: those of any images together are the sum of theirs."""
        each = [confusions(found, self.labels, len(self.names)) for found in predictions]
        return torch.stack(each, dim=1).double()

    def figures(self, predictions: Tensor) -> Figures:
        """Shares of pixels, intersection over union of each class, and the confusion matrix."""
        total = self._confusions(predictions).sum(dim=0)
        every = torch.stack([iou(matrix) for matrix in total])
        by_class = every[:, self.shown]
        kept = [name for name, there in zip(self.names, self.shown.tolist(), strict=True) if there]
        of_class = {name: by_class[:, place].tolist() for place, name in enumerate(kept)}
        return {
            "accuracy": (total.diagonal(dim1=1, dim2=2).sum(1) / total.sum(dim=(1, 2))).tolist(),
            "miou": every[:, self.scored].mean(dim=1).tolist(),
            "iou": of_class,
            "by_class": of_class,
            "confusion": total.sum(dim=0).long().tolist(),
        }


class MaskLabels(LabelKind):
    """One class a pixel.

    Labels are ``(B, H, W)`` or ``(B, 1, H, W)`` ids of any integer type, 255 for pixels that do not count; predictions
    ``(B, H, W)`` int64, outputs ``(B, K, H, W)`` logits, estimates ``(B, K, H, W)`` probabilities.
    """

    name = "mask"
    part = "mask"
    counted = "pixels"
    fewest_names = 2
    example_layout = "mask-folders"
    hub_task = "image-segmentation"
    networks = ("unet", "lraspp", "deeplabv3")
    judges = JudgeDefaults(("unet", "lraspp"), steps=400, batch_size=8, images_per_call=8, longest_side=256)
    batch_size = 8
    predicted_per_call = 4
    scoring = MaskScoring
    per_pixel = True
    has_places = True
    has_probabilities = True

    def learned(self, annotation: Annotation, tally: Counter[str]) -> Annotation:
        """The packed mask, an eighth of what batches hold."""
        return Annotation(mask=None if annotation.mask is None else Mask(self.packed(annotation.mask)))

    def label(self, annotation: Annotation) -> Tensor:
        """``(H, W)`` int64."""
        return super().label(annotation).long()

    def packed(self, label: Tensor) -> Tensor:
        """uint8."""
        return label.as_subclass(Tensor).to(torch.uint8)

    def resized(self, label: Tensor, before: tuple[int, int], size: tuple[int, int]) -> Tensor:
        """The value at each new pixel's center."""
        return resize_ids(self.packed(label), size)

    def counts(self, annotation: Annotation, classes: int, size: tuple[int, int], cells: int) -> CountedLabel:
        """Pixels, and of each cell the shares of its pixels, void left out."""
        if annotation.mask is None:
            return CountedLabel()
        mask = annotation.mask.as_subclass(Tensor).numpy()
        rows, columns = (np.arange(side) * cells // side for side in mask.shape)
        places = (rows[:, None] * cells + columns) * (classes + 1)
        found = np.bincount((places + np.minimum(mask, classes)).ravel(), minlength=cells**2 * (classes + 1))
        counts = found.reshape(cells, cells, classes + 1).transpose(2, 0, 1)
        return CountedLabel(counts.sum(axis=(1, 2)), counts[:-1] / np.maximum(counts.sum(axis=0), 1))

    def plain(self, label: Tensor) -> Tensor:
        """``(B, H, W)`` int64."""
        return _without_channel(label).long()

    def moved(self, label: Tensor, move: BatchMove, mirror: Sequence[int]) -> Tensor:
        """The ids that come from the same pixels; shifts replicate the border."""
        return label[move.pixels]

    def loss(self, outputs: Tensor, label: Tensor) -> Tensor:
        """Cross-entropy over all valid pixels of the batch; 0 without any."""
        # Not the mean of `loss_per_image`: every valid pixel counts alike, and torch's own reductions differ from a
        # mean of losses in the last bits: figures were measured with these.
        mask = self.plain(label)
        total = F.cross_entropy(outputs, mask, ignore_index=IGNORE, reduction="sum")
        return total / (mask != IGNORE).sum().clamp(min=1)  # torch's own mean over nothing is NaN

    def loss_per_image(self, outputs: Tensor, label: Tensor) -> Tensor:
        """Cross-entropy in nats, averaged over the valid pixels of an image; 0, with a gradient of 0, without any."""
        if outputs.ndim != 4 or label.shape != (outputs.shape[0], *outputs.shape[2:]):
            found = f"{tuple(outputs.shape)} and {tuple(label.shape)}"
            raise ValueError(f"expected logits (B, K, H, W), target (B, H, W), found {found}")
        pixels = F.cross_entropy(full_precision(outputs), label, reduction="none", ignore_index=IGNORE)
        return pixels.sum(dim=(1, 2)) / (label != IGNORE).sum(dim=(1, 2)).clamp_min(1)

    def set_scores(self, kept: Sequence[Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        """``task/miou`` and ``task/iou_NAME`` over all pixels; classes that never occur are left out."""
        confusion = kept[0].sum(dim=0)
        each = zip(names, iou(confusion).float(), strict=True)
        scores = {"task/miou": mean_iou(confusion).float(), **{f"task/iou_{name}": score for name, score in each}}
        return {name: score for name, score in scores.items() if not torch.isnan(score)}

    def error(self, predicted: Tensor, label: Tensor, classes: int) -> Tensor:
        """One less the mean intersection over union over all valid pixels, so that a small class counts as much as a
        large one; NaN without a valid pixel."""
        return (1.0 - mean_iou(confusion_matrix(predicted, label, classes))).float()

    def rejected(self, predicted: Tensor, label: Tensor, classes: int) -> Tensor:
        """Those with a mean intersection over union of their own classes below `HALF`."""
        require_same_shape("predicted and label", predicted, label)
        return torch.stack([mean_iou(confusion) < HALF for confusion in confusions(predicted, label, classes)])

    def agreement(self, first: Tensor, second: Tensor) -> Tensor:
        """The share of equal pixels."""
        require_same_shape("predictions", first, second)
        return (first == second).float().mean()

    def agreements(self, first: Tensor, second: Tensor, spread: Tensor | None = None) -> Tensor:
        """The share of equal pixels of each image."""
        return (first == second).float().flatten(1).mean(1)

    def kept(self, predicted: Tensor, label: Tensor, classes: int) -> tuple[Tensor, ...]:
        """``(B, K, K)`` confusion matrices."""
        return (confusions(predicted, self.plain(label), classes),)

    def error_interval(self, kept: Sequence[Tensor], classes: int, seed: int) -> tuple[float, float, float]:
        """Return the error of the summed confusion matrix."""
        flat = kept[0].flatten(1).double()

        def errors(weights: Tensor) -> Tensor:
            return 1.0 - torch.stack([mean_iou(one) for one in (weights @ flat).reshape(-1, classes, classes)])

        return weighted_interval(errors, len(flat), seed)

    def only_prediction(self, kept: Sequence[Tensor], classes: int) -> int | None:
        """One of the pixels' classes."""
        confusion = kept[0].sum(dim=0)
        return blind_class(confusion.sum(dim=0), confusion.sum(dim=1))

    def lack(self, labels: Tensor, names: Sequence[str]) -> str | None:
        """Whether there is any valid pixel."""
        if bool((labels != IGNORE).any()):
            return None
        return (
            f"no pixel of any mask has one of the classes {', '.join(names)}; is the mapping, or the layout's table, "
            "the right one?"
        )

    def judge_scores(self, estimate: Tensor, label: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """``worst_region_doubt``, the largest mean surprise of any window in nats; ``boundary_95_pixels``, how far the
        boundary of a class moved that both have."""
        label, classes = self.plain(label), len(names)
        predicted, valid = estimate.argmax(1), label != IGNORE
        one, other = one_hot(predicted, label, classes)
        share = torch.maximum(one.sum((2, 3)), other.sum((2, 3))) / valid.sum((1, 2)).clamp(min=1)[:, None]
        # A class that one of the two lacks is a matter of doubt; specks far away would drown every real displacement.
        in_both = (one & other).any(3).any(2) & (share >= LEAST_CLASS_SHARE)
        tail = torch.where(in_both, boundary_displacement(predicted, label, classes), torch.nan)
        known = torch.where(valid, label, 0)
        doubt = torch.where(valid, -log_probabilities(estimate).gather(1, known[:, None])[:, 0], 0.0)
        return {
            "worst_region_doubt": worst_region(doubt, valid),
            "boundary_95_pixels": tail.nan_to_num(0.0).amax(1),
        }

    def deciding(self, names: Sequence[str]) -> tuple[str, ...]:
        """Both."""
        return "worst_region_doubt", "boundary_95_pixels"

    def differences(self, labels: Tensor, names: Sequence[str], size: tuple[int, int]) -> Tensor:
        """The share of the pixels, valid in both, of another class."""
        labels = _without_channel(labels)
        rows, columns = (torch.linspace(0, side - 1, min(GRID, side)).round().long() for side in labels.shape[-2:])
        small = labels[:, rows][:, :, columns].flatten(1)
        valid = small != IGNORE
        rows_of = []
        for ids, there in zip(small, valid, strict=True):
            both = valid & there
            rows_of.append(((small != ids) & both).sum(1) / both.sum(1).clamp(min=1))
        return torch.stack(rows_of)

    def replacement(self, names: Sequence[str]) -> tuple[str, str, tuple[float | None, ...]]:
        """By an image in which so many pixels differ."""
        return "another image", "share of pixels", (0.1, 0.2, 0.4)

    def place_shown(self, labels: Tensor) -> Tensor:
        """Whether there are two classes at least."""
        ids = self.plain(labels).flatten(1)
        lowest, highest = ids.masked_fill(ids == IGNORE, IGNORE + 1).amin(1), ids.masked_fill(ids == IGNORE, -1).amax(1)
        return lowest < highest

    def things(self, label: Tensor, size: tuple[int, int]) -> Tensor:
        """Connected parts of each class, of those the `MOST_PARTS` largest."""
        ids = (label.squeeze(0) if label.ndim == 3 else label).cpu().numpy()
        found = []
        for number in np.unique(ids[ids != IGNORE]):
            parts, count = scipy.ndimage.label(ids == number)
            counts = np.bincount(parts.ravel(), minlength=count + 1)[1:]
            found += [parts == 1 + index for index in np.argsort(-counts, kind="stable")[:MOST_PARTS]]
        stacked = np.stack(found) if found else np.zeros((0, *size), dtype=bool)
        return torch.from_numpy(stacked).to(label.device)

    def elsewhere(self, labels: Tensor, others: Tensor, size: tuple[int, int]) -> Tensor:
        """Where there is another class."""
        mask = _without_channel(labels)
        return (mask != mask[others]) & (mask != IGNORE)


def _without_channel(label: Tensor) -> Tensor:
    ids = label.as_subclass(Tensor)
    return ids.squeeze(1) if ids.ndim == 4 else ids


def resize_ids(ids: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize ``(..., H, W)`` of any type to ``size`` (height, width): the value at each new pixel's center."""

    def nearest(before: int, after: int) -> Tensor:
        # torch interpolates no int64; of the places it makes the choice that it makes of uint8 masks
        places = torch.arange(before, dtype=torch.float32)[None, None]
        return F.interpolate(places, size=after, mode="nearest-exact")[0, 0].long()

    rows, columns = map(nearest, ids.shape[-2:], size)
    chosen = ids.index_select(-2, rows)
    return chosen.gather(-1, columns.expand(*chosen.shape[:-1], -1))  # index_select is slow along rows
