"""Last lines of a fit: how near it came, whether that is better than doing nothing, and the next command."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from refine.data import UnpairedImages
from refine.terminal import typed

OTHERS = ("task/accuracy", "task/gate", "task/iou_", "task/map50_")
"""How figures of a task model begin that are not those of a whole validation: of a step, or of one class."""


class Reached(NamedTuple):
    """Distances to the real images (`distance/swd`) that a run's validations measured."""

    nothing: float
    """Distance of the synthetic images as they are."""
    best: float | None
    """Distance of `best.ckpt`; None where there is none."""
    best_step: int
    last: float
    """Distance at the end."""
    agreement: float | None = None
    """Share of images on which the judge says of the best ones what it said before; None without a judge."""

    @property
    def helps(self) -> bool:
        """Whether a state came nearer than the synthetic images are, or a bound on label errors took all of them."""
        return self.best is None or self.best < self.nothing


def last_words(reached: Reached) -> str:
    """One line; where nothing came nearer, that stands first."""
    best, nothing = reached.best, reached.nothing
    parts = [f"doing nothing {nothing:.0f}"]
    if best is not None:
        parts.append(f"best {best:.0f} (step {reached.best_step})")
    parts.append(f"last {reached.last:.0f}{'' if reached.last < nothing else ' (worse than doing nothing)'}")
    if reached.agreement is not None:
        parts.append(f"label agreement of the best {100 * reached.agreement:.1f} %")
    parts += ["no best.ckpt"] * (best is None)
    line = f"distance: {' · '.join(parts)}"
    return f"NO BETTER THAN DOING NOTHING. {line}" if not reached.helps else line


def task_words(metrics: Mapping[str, Tensor]) -> str | None:
    """One line of what a task model reached in its last validation; None where there was none.

    Args:
        metrics: Of the run's end.
    """
    names = [name for name in sorted(metrics) if name.startswith("task/") and not name.startswith(OTHERS)]
    scores = ", ".join(f"{name.removeprefix('task/')} {float(metrics[name]):.3f}" for name in names)
    return f"last validation, on synthetic images: {scores}" if scores else None


def next_command(checkpoint: Path, synthetic: Path) -> str:
    """The command that refines the synthetic images.

    Args:
        checkpoint: Of the run.
        synthetic: What it trained on.
    """
    words = ["apply", "--checkpoint", str(checkpoint), "--input", str(synthetic), "--output", "refined"]
    return f"next: {typed(*words)}"


def other_way(data: UnpairedImages) -> str:
    """Name other things to try, for a run that came no nearer to the real images."""
    words = typed("try", str(data.synthetic), str(data.real))
    return f"next: more time (--minutes), or {words}, which tries every method"
