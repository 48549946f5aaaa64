"""What the demo and the reproduction of the traffic lights have in common: settings, and the commands they run."""

import csv
import os
import shlex
import shutil
import subprocess
import sys
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
LOCAL = [
    *("--data.batch-size", "4"),
    *("--model.features", "24", "--model.blocks", "0", "--model.identity-fade", "0.4", "--model.ema", "0.99"),
    *("--model.discriminator-features", "32", "--model.discriminator-layers", "2", "--model.learning-rate", "5e-4"),
]
"""A CycleGAN that sees little of the image at once, for lamps that nobody adapts to; datasets/traffic-lights.md says
what was tried."""
FIRST_HELD_OUT = 30_000
"""Frame of the recording from which on images are held out; the last one before it is 11 680."""
_FREE = ["--steps", "50"]

_SIMGAN = [
    *("--steps", "450", "--data.batch-size", "8"),
    *("--model.features", "32", "--model.optimizer", "adam", "--model.self-weight", "0.02"),
    *("--model.refiner-warmup-steps", "60", "--model.discriminator-warmup-steps", "30"),
]

SETTINGS: dict[str, list[str]] = {
    "histogram-matching": _FREE,
    "fda": [*_FREE, "--model.beta", "0.05"],
    "simgan": _SIMGAN,
    "simgan-averaged": [*_SIMGAN, "--model.decay", "true", "--model.ema", "0.99"],
    "cyclegan": _TRANSLATOR,
    "cyclegan-local": [*LOCAL, "--steps", "500", "--data.class-balanced", "false"],
    "cycada": [*_TRANSLATOR, "--model.semantic-weight", "0", "--model.cycle-semantic-weight", "1"],
    "cycada-on-refined": [*_TRANSLATOR, "--model.semantic-weight", "1"],
    "cut": [*_TRANSLATOR, "--model.nce-layers", "[0,4,8,12,15]"],
    "fastcut": [*_TRANSLATOR, "--model.nce-layers", "[0,4,8,12,15]"],
}
"""`simgan-averaged` and `cyclegan-local` are the demo's. SimGAN's and CycleGAN's were chosen by the distance and
by looking; models/cyclegan.md lists every trial, and what was seen of labels. The others take CycleGAN's, and their own
weights at the first try."""


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
        self.require(main(words))

    def aside(self, log: Path, *args: object) -> subprocess.Popen[bytes]:
        """Start one beside those that follow, in a process of one thread, whose lines go to a file."""
        words = [_shown(word) for word in args]
        self.lines.append(shlex.join(["refine", *words]))
        print(f"\n[{time.monotonic() - self._started:4.0f} s] beside: {self.lines[-1]} > {_shown(log)}", flush=True)
        with log.open("wb") as file:
            return subprocess.Popen(
                [sys.executable, "-m", "refine", *words],
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def require(self, code: int) -> None:
        """End the script where an exit code is a failure."""
        if code not in self.tolerated:
            raise SystemExit(code)


def _shown(word: object) -> str:
    return str(word.relative_to(ROOT)) if isinstance(word, Path) and word.is_relative_to(ROOT) else str(word)


RECIPES = {"cycada-on-refined": "cycada", "cyclegan-local": "cyclegan", "simgan-averaged": "simgan"}
"""Settings that share a recipe with another."""


def lamps(folder: Path) -> tuple[Path, Path, Path]:
    """Lay out the inductive test in a folder: the images to test on are of another part of the recording.

    Returns:
        The synthetic images, the real ones to adapt to, without labels, and those to test on.
    """
    adapted = folder / "adapted"
    copies = {path: path.name for path in sorted((DATA / "real").glob("*/*.png"))}
    copies |= {DATA / "more_real" / name: name for name in further_states() if frame_of(name) < FIRST_HELD_OUT}
    shutil.rmtree(adapted, ignore_errors=True)
    for source, name in copies.items():
        write_whole(adapted / name, source.read_bytes())
    return DATA / "synthetic", adapted, further_lamps(folder / "held-out", FIRST_HELD_OUT)


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


def fit_words(method: str, folder: Path) -> list[str]:
    """The command that fits one method on the traffic lights, into a folder of its name."""
    fixed = ["--trainer.default-root-dir", str(folder.relative_to(ROOT)), "--run", method]
    quiet = ["--trainer.val-check-interval", "200", "--checkpoint-every", "0"]
    return ["fit", "-c", f"models/{RECIPES.get(method, method)}.yaml", "-c", RECIPE, *SETTINGS[method], *quiet, *fixed]


def train(run: Commands, method: str, folder: Path, more: Sequence[str] = ()) -> Path:
    """Fit one method on the traffic lights and refine them with it; returns the refined dataset."""
    checkpoint = folder / method / "last.ckpt"
    if not checkpoint.is_file():
        if RECIPES.get(method, method) == "cycada":
            more = [*more, "--model.task", str(fit_task(run, folder, more))]
        run(*fit_words(method, folder), *more)
    return refine(run, method, folder)


def refine(run: Commands, method: str, folder: Path) -> Path:
    """Refine the lamps with a method that was fitted there; returns the refined dataset."""
    refined = folder / f"{method}-refined"
    run("apply", "--checkpoint", folder / method / "last.ckpt", "--input", DATA / "synthetic", "--output", refined)
    run("verify", refined)
    return refined
