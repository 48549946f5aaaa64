"""Generated pictures, for tests of what is measured from them: rectangles and ellipses, and gray levels with judges."""

from pathlib import Path

import torch
from torch import Tensor

from refine.audit.evidence import AuditContext
from refine.audit.judges import EnsembleMember, JudgeEnsemble
from refine.audit.options import AuditOptions
from refine.audit.pairs import Pairs
from refine.labels import KINDS
from refine.methods.task import Task


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scenes(count: int, height: int, width: int, things: int = 12, seed: int = 0) -> Tensor:
    """``(count, 3, height, width)`` in [-1, 1], things in strong colors."""
    generator = draws(seed)
    images = torch.zeros(count, 3, height, width)
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    for image in images:
        for number in range(things):
            color = torch.rand(3, generator=generator) * 2 - 1
            y, x = (int(torch.randint(side, (), generator=generator)) for side in (height, width))
            tall, wide = (int(torch.randint(6, 24, (), generator=generator)) for _ in range(2))
            down, across = (rows - y).abs() / tall * 2, (columns - x).abs() / wide * 2
            inside = torch.maximum(down, across) < 1 if number % 2 else down**2 + across**2 < 1
            image[:, inside] = color[:, None]
    return images


def shifted(images: Tensor, down: int, across: int, margin: int = 16) -> Tensor:
    """The middle of larger pictures, their content moved: nothing has to be made up at the border."""
    height, width = images.shape[-2:]
    return images[..., margin - down : height - margin - down, margin - across : width - margin - across]


GRAY_LABELS = torch.arange(120) % 2


class Reader(Task):
    """Reads a class from the gray level; ``sure`` of one that learned nothing is 0."""

    def __init__(self, sure: float) -> None:
        super().__init__(classes=["dark", "bright"], channels=1, width=4)
        self.sure = sure

    def estimate(self, images: Tensor) -> Tensor:
        bright = (self.sure * images.mean((1, 2, 3))).sigmoid()
        return torch.stack([1 - bright, bright], 1)


def readers(sure: float = 9.0) -> JudgeEnsemble:
    return JudgeEnsemble("content", (EnsembleMember("reader", -1, Reader(sure)),))


def gray_context(refined: Tensor | None = None, clusters: Tensor | None = None, seed: int = 0) -> AuditContext:
    """120 dark and bright images, ``(120, 1, 8, 8)`` each, unchanged by refinement unless it is given."""
    images = (60 + 130 * GRAY_LABELS)[:, None, None, None].expand(-1, 1, 8, 8).to(torch.uint8)
    keys = tuple(map(str, range(120)))
    pairs = Pairs(KINDS["class"], ("dark", "bright"), keys, images, images if refined is None else refined, GRAY_LABELS)
    return AuditContext(pairs, torch.arange(120) // 60, AuditOptions(output=Path("audit"), seed=seed), clusters)
