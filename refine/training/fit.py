"""`refine fit` and `refine validate`, from the command line and from Python."""

import json
import logging
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from lightning.pytorch import Callback, Trainer
from torch import Tensor

from refine import interrupts, methods
from refine.data import UnpairedImages
from refine.methods.base import Method
from refine.options import flag_name, spelled
from refine.recipes import RUN_SETTINGS
from refine.terminal import count_of, duration, typed
from refine.training.checkpoints import BEST, Checkpoints, Reached
from refine.training.command_line import RefineCLI
from refine.training.parser import OneLineParser, with_config, with_judges, with_logger, with_recipes, with_sizes
from refine.training.runs import RUNS
from refine.training.steps import StopOnInterrupt
from refine.trust import trusting

GO_ON = "go on with the same command and --resume ({folder}/last.ckpt)"
OTHERS = ("task/accuracy", "task/gate", "task/iou_", "task/map50_")
"""Prefixes of a task model's figures that are not those of a whole validation: of a step, or of one class."""


class Outcome(NamedTuple):
    """Result of a `refine fit`."""

    exit_code: int
    folder: Path
    """The run's."""
    steps: int
    """Training steps that were made."""
    reached: Reached | None
    """Distances to real; None where no validation measured them."""

    @property
    def checkpoint(self) -> Path:
        """The best state, or the last one where none was nearer than the others."""
        best = self.folder / BEST
        return best if best.is_file() else self.folder / "last.ckpt"


def run(args: list[str]) -> int:
    """`refine fit …` and `refine validate …`: train, and say how it went.

    Args:
        args: The command line after ``refine``, beginning with ``fit`` or ``validate``.

    Raises:
        InputError: On bad usage or input.
        TrainingDiverged: If a loss became NaN or infinite.

    Returns:
        The exit code.
    """
    if args[-1:] == ["--model.help"]:
        print("\n".join(_methods()))
        return 0
    OneLineParser.shows_trainer = "--trainer.help" in args
    began = time.monotonic()
    cli, outcome = train(["--help" if arg == "--trainer.help" else arg for arg in args])
    quick = cli.trainer.fast_dev_run  # type: ignore[attr-defined]  # Lightning's debugging connector sets it
    if args[0] != "fit" or not cli.trainer.is_global_zero:
        return 0
    if outcome.exit_code:
        if outcome.reached:
            print(last_words(outcome.reached))
        cure = interrupts.NOTHING_KEPT if quick else GO_ON.format(folder=outcome.folder)
        print(f"refine: {interrupts.stopped_by()}; {cure}", file=sys.stderr)
    elif not quick:
        if line := _callback(cli.trainer, Checkpoints).missing():
            print(line, file=sys.stderr)
        steps, took = count_of(outcome.steps, "step"), duration(time.monotonic() - began)
        lines = [f"run: {outcome.folder} ({steps}, {took})"]
        if reached := outcome.reached:
            lines.insert(reached.helps, last_words(reached))  # what is bad comes first
            data, more = (
                cli.datamodule,
                [*cli.device_words(), *(w for name in cli.trusted() for w in ("--trust", name))],
            )
            applies = reached.helps and outcome.checkpoint.name == BEST
            lines.append(next_command(outcome.checkpoint, data, more) if applies else other_way(data, more))
        elif scores := task_words(cli.trainer.callback_metrics):
            lines.insert(0, scores)
        print("\n".join(lines))
    return outcome.exit_code


def train(args: list[str]) -> tuple[RefineCLI, Outcome]:
    """Train without the last words.

    Raises:
        InputError: On bad usage or input.
        TrainingDiverged: If a loss became NaN or infinite.
    """
    interrupts.begin()
    args, names = with_recipes(with_sizes(with_judges(with_logger(with_config(spelled(args, "_"))))))
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    unhelpful = ["many workers", "LeafSpec", "log_every_n_steps", "args parameter is intended"]
    unhelpful += ["sync_dist=True", "all_gather is deprecated"]  # every process validates on the same images
    warnings.filterwarnings("ignore", module="lightning", message=f".*({'|'.join(unhelpful)}).*")
    warnings.filterwarnings("ignore", module=r"lightning\.pytorch\.cli")  # what Lightning calls is old to jsonargparse
    warnings.filterwarnings("ignore", message="This DataLoader will create")  # so many were asked for
    with trusting():  # the flags say what
        cli = RefineCLI(args, "-".join(names) or "run")
    trainer = cli.trainer
    folder = Path(str(trainer.log_dir))  # on every process: it is a collective call
    # a stop ends in 130 and such, so that `fit && apply` does not go on with half a model
    code = interrupts.exit_code() if _callback(trainer, StopOnInterrupt).interrupted else 0
    reached = _callback(trainer, Checkpoints).reached(trainer.callback_metrics)
    return cli, Outcome(code, folder, getattr(cli.model, "steps_done", 0), reached)


def fit(
    method: str,
    synthetic: Path | str,
    real: Path | str,
    *,
    run: str | None = None,
    folder: Path | str = RUNS,
    minutes: float | None = None,
    steps: int | None = None,
    preset: str = "auto",
    resume: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> Outcome:
    """Train a method on a pair of datasets, as `refine fit` does.

    Args:
        method: A recipe's name, such as ``simgan``.
        synthetic: Folder of the synthetic dataset.
        real: Folder of the real images.
        run: Name of the run's folder; None takes the method's.
        folder: Where runs are written.
        minutes: Time that training may take.
        steps: Training steps, in place of a time.
        preset: ``small``, ``medium``, ``paper``; or ``auto``, by device, images and time.
        resume: Whether to go on with a run of that name.
        settings: Other flags of `refine fit` by their names, such as ``{"data.crop": [64, 64]}``.

    Raises:
        InputError: On bad usage or input.
        TrainingDiverged: If a loss became NaN or infinite.
    """
    flags: dict[str, Any] = {
        "data.synthetic": str(synthetic),
        "data.real": str(real),
        "trainer.default_root_dir": str(folder),
        "run": run,
        "minutes": minutes,
        "steps": steps,
        "preset": preset,
        **(settings or {}),
    }
    given = [
        f"--{name}={value if isinstance(value, str | Path) else json.dumps(value, default=str)}"
        for name, value in flags.items()
        if value is not None
    ]
    return train(["fit", "-c", method, *given, *["--resume"] * resume])[1]


def _methods() -> list[str]:
    """Return a line for each method that can be trained."""
    classes = [getattr(methods, name) for name in methods.__all__ if isinstance(getattr(methods, name), type)]
    trained = sorted(
        (each.__name__, str(each.__doc__).splitlines()[0])
        for each in classes
        if issubclass(each, Method) and each not in {methods.Translator, methods.ImportedGenerator}
    )
    return [f"{name}: {summary}" for name, summary in trained] + ["refine fit --model.help NAME lists its arguments"]


Kind = TypeVar("Kind", bound=Callback)


def _callback(trainer: Trainer, kind: type[Kind]) -> Kind:
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # Lightning's connector sets it
    return next(callback for callback in callbacks if isinstance(callback, kind))


def last_words(reached: Reached) -> str:
    """One line; where nothing came nearer, that stands first."""
    best, nothing = reached.best, reached.nothing
    parts = [f"doing nothing {nothing:.0f}"]
    if best is not None:
        parts.append(f"best {best:.0f} (step {reached.best_step})")
    if reached.last is not None:
        parts.append(f"last {reached.last:.0f}{'' if reached.last < nothing else ' (worse than doing nothing)'}")
    if reached.agreement is not None:
        parts.append(f"label agreement of the best {100 * reached.agreement:.1f} %")
    parts += ["no best.ckpt"] * (best is None)
    line = f"distance: {' · '.join(parts)}"
    return f"NO BETTER THAN DOING NOTHING. {line}" if not reached.helps else line


def task_words(metrics: Mapping[str, Tensor]) -> str | None:
    """Return one line of what a task model reached in its last validation; None where there was none."""
    names = [name for name in sorted(metrics) if name.startswith("task/") and not name.startswith(OTHERS)]
    scores = ", ".join(f"{name.removeprefix('task/')} {float(metrics[name]):.3f}" for name in names)
    return f"last validation, on synthetic images: {scores}" if scores else None


def next_command(checkpoint: Path, data: UnpairedImages, more: Sequence[str] = ()) -> str:
    """Return the command that refines the synthetic images, into a folder of the run's name.

    Args:
        checkpoint: What to refine with.
        data: What it was trained on.
        more: Further words of the command.
    """
    flags, note = _data_flags(data, "layout", "max_file_size")
    output = f"refined-{checkpoint.parent.name}"
    words = [
        "apply",
        "--checkpoint",
        str(checkpoint),
        "--input",
        str(data.synthetic),
        "--output",
        output,
        *flags,
        *more,
    ]
    return f"next{note}: {typed(*words)}"


def other_way(data: UnpairedImages, more: Sequence[str] = ()) -> str:
    """Name other things to try, for a run that came no nearer to the real images."""
    flags, note = _data_flags(data, "classes", "layout", "real_layout", "mapping", "max_file_size")
    words = typed("try", str(data.synthetic), str(data.real), *flags, *more)
    return f"next{note}: more time (--minutes), or {words}, which tries every method"


def _data_flags(data: UnpairedImages, *names: str) -> tuple[list[str], str]:
    """Return the flags by which other commands, which take these arguments of the data, read it as training did, and
    what has to be done for them."""
    flags, notes = [], []
    for name in names:
        value = getattr(data, name)
        if isinstance(value, dict):  # a layout's options, which other commands take from a file alone
            file = f"{name.replace('_', '-')}.yaml"
            notes.append(f" (write data.{name} of the run's {RUN_SETTINGS} to {file})")
            flags += [flag_name(name), file]
        elif value not in (None, "auto"):
            flags += [flag_name(name), ",".join(value) if isinstance(value, tuple | list) else str(value)]
    return flags, "".join(notes)
