"""What the demo and the reproduction of the traffic lights have in common: settings, and the commands they run."""

import csv
import shlex
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from refine.cli import main
from refine.files import write_whole

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "datasets" / "traffic-lights"
RECIPE = "datasets/traffic-lights.yaml"
CLASSES = "red,yellow,green"

_TRANSLATOR = [
    *("--steps", "800", "--data.batch-size", "4", "--model.features", "24", "--model.blocks", "4"),
    *("--model.discriminator-features", "32", "--model.discriminator-layers", "2", "--model.learning-rate", "5e-4"),
]
_FREE = ["--steps", "50"]

SETTINGS: dict[str, list[str]] = {
    "histogram-matching": _FREE,
    "fda": [*_FREE, "--model.beta", "0.05"],
    "simgan": [
        *("--steps", "450", "--data.batch-size", "8"),
        *("--model.features", "32", "--model.optimizer", "adam", "--model.self-weight", "0.02"),
        *("--model.refiner-warmup-steps", "60", "--model.discriminator-warmup-steps", "30"),
    ],
    "cyclegan": _TRANSLATOR,
    "cycada": [*_TRANSLATOR, "--model.semantic-weight", "0", "--model.cycle-semantic-weight", "1"],
    "cycada-on-refined": [*_TRANSLATOR, "--model.semantic-weight", "1"],
    "cut": [*_TRANSLATOR, "--model.nce-layers", "[0,4,8,12,15]"],
    "fastcut": [*_TRANSLATOR, "--model.nce-layers", "[0,4,8,12,15]"],
}
"""SimGAN's and CycleGAN's were chosen by the distance to real and by looking; models/cyclegan.md lists every trial, and
what was seen of labels. The others take CycleGAN's, and their own weights at the first try."""


class Commands:
    """Runs command lines of `refine`, shows each, and remembers them for the report.

    Args:
        tolerated: Exit codes that are no failure.
    """

    def __init__(self, tolerated: tuple[int, ...] = (0,)) -> None:
        self.tolerated = tolerated
        self.lines: list[str] = []
        self._started = time.monotonic()

    def __call__(self, *args: object) -> None:
        """Run one; a failure ends the script with its exit code."""
        words = [_shown(word) for word in args]
        line = shlex.join(["refine", *words])
        print(f"\n[{time.monotonic() - self._started:4.0f} s] {line}", flush=True)
        self.lines.append(line)
        code = main(words)
        if code not in self.tolerated:
            raise SystemExit(code)


def _shown(word: object) -> str:
    return str(word.relative_to(ROOT)) if isinstance(word, Path) and word.is_relative_to(ROOT) else str(word)


RECIPES = {"cycada-on-refined": "cycada"}
"""Settings that share a recipe with another."""


def further_lamps(folder: Path, first_frame: int = 0) -> Path:
    """Lay out the lamps of other parts of the drive in class folders, from a frame of the recording on."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, state in further_states().items():
        if frame_of(name) >= first_frame and state in CLASSES.split(","):
            write_whole(folder / state / name, (DATA / "more_real" / name).read_bytes())
    return folder


def further_states() -> dict[str, str]:
    """State of each lamp of other parts of the drive, by the name of its file."""
    with (DATA / "more_real.csv").open(newline="") as file:
        return {row["image"]: row["state"] for row in csv.DictReader(file)}


def frame_of(name: str) -> int:
    """Frame of the recording that a lamp of another part of the drive was cut from."""
    return int(Path(name).stem.rpartition("_")[2])


def fit_task(run: Commands, folder: Path, more: Sequence[str] = ()) -> Path:
    """f_S: a task model of the simulator's labels alone. Returns its checkpoint."""
    checkpoint = folder / "task" / "last.ckpt"
    if not checkpoint.is_file():
        fixed = ["--trainer.default-root-dir", str(folder.relative_to(ROOT)), "--run", "task"]
        quiet = ["--trainer.val-check-interval", "200", "--checkpoint-every", "0", "--steps", "400"]
        run("fit", "-c", "models/task.yaml", "-c", RECIPE, "--data.batch-size", "32", *quiet, *fixed, *more)
    return checkpoint


def train(run: Commands, method: str, folder: Path, more: Sequence[str] = ()) -> Path:
    """Fit one method on the traffic lights and refine them with it; returns the refined dataset."""
    fixed = ["--trainer.default-root-dir", str(folder.relative_to(ROOT)), "--run", method]
    recipe = RECIPES.get(method, method)
    if recipe == "cycada":
        fixed += ["--model.task", str(fit_task(run, folder, more))]
    quiet = ["--trainer.val-check-interval", "200", "--checkpoint-every", "0"]
    refined = folder / f"{method}-refined"
    checkpoint = folder / method / "last.ckpt"
    if not checkpoint.is_file():
        run("fit", "-c", f"models/{recipe}.yaml", "-c", RECIPE, *SETTINGS[method], *quiet, *fixed, *more)
    run("apply", "--checkpoint", checkpoint, "--input", DATA / "synthetic", "--output", refined)
    run("verify", refined)
    return refined
