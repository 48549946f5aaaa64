"""What judges are trained on: labeled images that look different each time, so that a judge learns what is shown."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import IterableDataset

from refine.data.augment import randomize_appearance
from refine.data.images import to_float
from refine.data.pairs import REAL, SYNTHETIC, ClassBalanced, Shuffled, generator_at
from refine.data.samples import Labeled
from refine.labels import LabelKind

TURN, SCALE, ASPECT, SHEAR, SHIFT = math.radians(11), 0.35, 0.15, 0.2, 0.15
"""Ranges of `move_classes`, each way: an angle, shares of the size, a slope, and a share of the side."""
THICKNESS = 0.6
"""Share of the images whose bright or dark parts grow."""


def randomize_content(images: Tensor, generator: torch.Generator, kind: LabelKind, strength: float = 1.0) -> Tensor:
    """Strong changes that leave a label of this kind right: appearance always, and of classes place and stroke too.

    Args:
        images: ``(B, C, H, W)`` in [-1, 1].
        generator: Draws everything.
        kind: Of the labels: only a class survives a move.
        strength: Scales every range.
    """
    if kind == "class":
        images = _thickened(move_classes(images, generator, strength), generator, strength)
    return randomize_appearance(images, generator, strength)


def move_classes(images: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """Turn, scale, shear and shift each image by its own draw, borders repeated: a class stays what it is."""

    def signed(most: float) -> Tensor:
        return strength * most * (2 * torch.rand(len(images), generator=generator) - 1)

    angle, scale = signed(TURN), 1 + signed(SCALE)
    wide = scale * (1 + signed(ASPECT))
    rows = [angle.cos() * wide, signed(SHEAR) - angle.sin() * scale, 2 * signed(SHIFT)]
    columns = [angle.sin() * wide, angle.cos() * scale, 2 * signed(SHIFT)]
    matrix = torch.stack([torch.stack(rows, 1), torch.stack(columns, 1)], 1).to(images)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _thickened(images: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """Bright or dark parts grown by up to a pixel."""
    draw, amount = torch.rand(2, len(images), 1, 1, 1, generator=generator).to(images)
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    brighter, darker = F.max_pool2d(padded, 3, 1), -F.max_pool2d(-padded, 3, 1)
    grown = torch.where(draw < THICKNESS / 2, brighter, darker)
    return torch.where(draw < THICKNESS, images + strength * amount * (grown - images), images)


class JudgeBatches(IterableDataset[Labeled]):
    """The batches of one judge's training: a pure function of its arguments.

    Args:
        sources: ``(N, C, H, W)`` uint8 each, the same labels: each drawn image comes from one of them.
        labels: ``(N, ...)``, as `LabeledImages.labels`.
        chosen: Numbers of the images to draw from.
        kind: Of the labels.
        batch_size: Images a step.
        steps: How many batches.
        seed: Of all draws.
        strength: Of the changes.
    """

    def __init__(
        self,
        sources: tuple[Tensor, ...],
        labels: Tensor,
        chosen: list[int],
        kind: LabelKind,
        batch_size: int,
        steps: int,
        seed: int,
        strength: float = 1.0,
    ) -> None:
        self.sources, self.labels, self.chosen, self.kind = sources, labels, chosen, kind
        self.batch_size, self.steps, self.seed, self.strength = batch_size, steps, seed, strength
        self.order: ClassBalanced | Shuffled
        if kind == "class":
            self.order = ClassBalanced(labels[chosen].tolist(), seed, SYNTHETIC)
        else:
            self.order = Shuffled(len(chosen), seed, SYNTHETIC)

    def __iter__(self) -> Iterator[Labeled]:
        for step in range(self.steps):
            positions = range(step * self.batch_size, (step + 1) * self.batch_size)
            numbers = [self.chosen[self.order[position]] for position in positions]
            draws = generator_at(self.seed, REAL, step)
            which = torch.randint(len(self.sources), (self.batch_size, 1, 1, 1), generator=draws)
            images = self.sources[0][numbers]
            for place, source in enumerate(self.sources[1:], 1):
                images = torch.where(which == place, source[numbers], images)
            yield Labeled(
                randomize_content(to_float(images), draws, self.kind, self.strength), self.labels[numbers], []
            )
