"""Flags of `refine fit` and `refine validate` that are neither Lightning's, nor the method's, nor the data's."""

from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from refine.options import DeviceName, help_texts

PresetName = Literal["auto", "small", "medium", "paper"]

ONE_LENGTH = "--minutes and --steps say the same thing; give one of them"
"""Refusal of both."""


@dataclass(frozen=True)
class FitOptions:
    """Flags that stand next to ``--model``, ``--data`` and ``--trainer``; recipes may hold them, too."""

    steps: int | None = None
    """Training steps (batches); default: the method's."""
    run: str | None = None
    """Name of the run's folder (default: after the recipes)."""
    resume: bool = False
    """Go on with the run of this name, or the latest of these recipes; where there is none, begin one; without -c, go
    on with the latest run of all, with its settings."""
    checkpoint_every: int = 500
    """Most steps between two writings of last.ckpt, which comes every two minutes at least; 0: in the end only."""
    trust: list[str] | str = field(default_factory=list)
    """Modules whose classes a checkpoint or a layout may name."""
    device: DeviceName | None = None
    """Auto, cpu, cuda or mps, in place of --trainer.accelerator."""
    preset: PresetName = "auto"
    """Width, blocks, batch, crop, optimizer and warm-ups where no flag or recipe says them: small, medium or paper;
    auto chooses by device, images and minutes."""
    minutes: float | None = None
    """Time that training may take, where no --steps are given; default: 10 on a CPU, 60 with CUDA; with --preset paper
    the method's own steps."""
    judge: list[Path] | Path | None = None
    """Checkpoint of a task model that says at each validation how many refined images still show their label; may be
    given several times: they answer together."""
    label_error_bound: float | None = None
    """Highest label error of best.ckpt, 0 to 1: the upper end of its interval on half of the validation images,
    confirmed on the other half; 0.05 takes 144 of them at least; default: the distance alone decides."""
    validation_features: list[str] | str = field(default_factory=list)
    """Networks for FID and KID at each validation, as `refine evaluate --features` takes them; default: none."""
    validation_weights: Path | None = None
    """Weights of the network, where the caches have none."""


def add_fit_flags(parser: Any) -> None:
    """Add the flags to a parser of jsonargparse, which reads recipes, too."""
    texts = help_texts(FitOptions)
    for each in fields(FitOptions):
        default = each.default if each.default_factory is MISSING else each.default_factory()
        kind = {"action": "store_true"} if each.type is bool else {"type": each.type, "default": default}
        parser.add_argument(f"--{each.name}", help=texts[each.name], **kind)
