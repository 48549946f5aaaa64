"""What the demo and the reproduction of the traffic lights have in common: settings, and the commands they run."""

import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from refine.cli import main

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "datasets" / "traffic-lights"
RECIPE = "datasets/traffic-lights.yaml"
CLASSES = "red,yellow,green"

SETTINGS: dict[str, list[str]] = {
    "simgan": [
        *("--steps", "360", "--data.batch_size", "8"),
        *("--model.features", "32", "--model.optimizer", "adam", "--model.self_weight", "0.02"),
        *("--model.refiner_warmup_steps", "60", "--model.discriminator_warmup_steps", "30"),
    ],
    "cyclegan": [
        *("--steps", "800", "--data.batch_size", "4", "--model.features", "24", "--model.blocks", "4"),
        *("--model.discriminator_features", "32", "--model.discriminator_layers", "2"),
        *("--model.learning_rate", "5e-4"),
    ],
}
"""Chosen by the distance to real and by looking; models/cyclegan.md lists every trial, and what was seen of labels."""


class Commands:
    """Runs command lines of `refine`, shows each, and remembers them for the report."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._started = time.monotonic()

    def __call__(self, *args: object) -> None:
        """Run one; a failure ends the script with its exit code."""
        words = [_shown(word) for word in args]
        line = shlex.join(["refine", *words])
        print(f"\n[{time.monotonic() - self._started:4.0f} s] {line}", flush=True)
        self.lines.append(line)
        code = main(words)
        if code != 0:
            raise SystemExit(code)


def _shown(word: object) -> str:
    return str(word.relative_to(ROOT)) if isinstance(word, Path) and word.is_relative_to(ROOT) else str(word)


def train(run: Commands, method: str, folder: Path, more: Sequence[str] = ()) -> Path:
    """Fit one method on the traffic lights and refine them with it; returns the refined dataset."""
    fixed = ["--trainer.default_root_dir", str(folder.relative_to(ROOT)), "--run", method]
    quiet = ["--trainer.val_check_interval", "200", "--checkpoint_every", "0"]
    run("fit", "-c", f"models/{method}.yaml", "-c", RECIPE, *SETTINGS[method], *quiet, *fixed, *more)
    refined = folder / f"{method}-refined"
    checkpoint = folder / method / "last.ckpt"
    run("apply", "--checkpoint", checkpoint, "--input", DATA / "synthetic", "--output", refined)
    run("verify", refined)
    return refined
