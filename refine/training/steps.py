"""Callbacks that count training steps: how many a time allows for, when a run ends, and its progress."""

import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from refine import interrupts
from refine.methods.base import CHECK_EVERY, Method
from refine.terminal import PlainLines, duration
from refine.training.sizing import LEAST_STEPS, WARM_UP_SHARE
from refine.training.validation import DISTANCE, DO_NOTHING, LABEL_ERROR

KEPT = "the last checkpoint that was written is kept; go on with the same command and --resume"


class StopAfterSteps(Callback):
    """Ends a fit when the method has done its `steps`, however many optimizers a step moves."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A finished run that is resumed does not train a step more."""
        if isinstance(pl_module, Method) and pl_module.steps_done >= pl_module.steps:
            trainer.should_stop = True

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Stop after the last step."""
        self.on_train_start(trainer, pl_module)


class StopOnInterrupt(Callback):
    """The first Ctrl-C (or SIGTERM) ends the fit after the step under way, with a checkpoint; a second one at once.

    Attributes:
        interrupted: Whether the fit ended before its last step because of it.
    """

    def __init__(self) -> None:
        self._asked = self.interrupted = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen, in place of Lightning's own handler of SIGTERM, which would end without a checkpoint."""
        interrupts.gracefully(self._ask, KEPT)

    def _ask(self) -> None:
        self._asked = True

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """All processes stop after the same step, whichever was interrupted.

        Several processes agree only every `CHECK_EVERY` steps: that is a message, and on a GPU a wait for all work.
        """
        if trainer.world_size > 1 and isinstance(pl_module, Method) and pl_module.steps_done % CHECK_EVERY:
            return
        if trainer.strategy.reduce_boolean_decision(self._asked, all=False) and not trainer.should_stop:
            self.interrupted = trainer.should_stop = True

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Lightning calls this in place of `teardown` after an error. It ends its other processes on Ctrl-C alone."""
        self.teardown(trainer, pl_module, "fit")
        if isinstance(exception, interrupts.Interrupted) and trainer.strategy.launcher is not None:
            trainer.strategy.launcher.kill(signal.SIGKILL)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """A signal stops what follows where it stands."""
        interrupts.gracefully(None)


LOOKS = (5, 25, 50, 100, 200)
"""Steps after which the speed is measured, while little of the time has passed. The first ones are slower, and the
players of some methods begin later."""
EARLY_SHARE = 0.3
"""Share of the time after which the number of steps stays."""


class Pace(Callback):
    """Sets the number of training steps so that training ends in time; schedules and bars follow it.

    Args:
        minutes: For training, validations included.
        store: Called with each new number of steps.
        say: Called with a line for a person: the time that the run takes by the speed of its first steps.
    """

    def __init__(self, minutes: float, store: Callable[[int], None], say: Callable[[str], None]) -> None:
        self.seconds, self.store, self.say = 60 * minutes, store, say
        self._began = self._since = time.monotonic()
        self._counted = 0
        self._validation_began = 0.0
        self._validating = 0.0
        self._last_validation = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._began = self._since = time.monotonic()
        self._counted = pl_module.steps_done if isinstance(pl_module, Method) else 0

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Validations are no steps."""
        self._validation_began = time.monotonic()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure the time of a validation."""
        self._last_validation = time.monotonic() - self._validation_began
        self._validating += self._last_validation

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Measure after some of the first steps."""
        if not isinstance(pl_module, Method):
            return
        done, now = pl_module.steps_done, time.monotonic()
        if done != 1 and done not in LOOKS:
            return
        if done > 1:
            passed = now - self._began
            each = (now - self._since - self._validating) / (done - self._counted)
            early = done == LOOKS[0] or passed < EARLY_SHARE * self.seconds
            steps = self._fitting(trainer, pl_module, passed, each) if early else pl_module.steps
            steps = trainer.strategy.broadcast(steps)  # one clock decides: every process must end at the same step
            changed = steps != pl_module.steps
            if changed:
                pl_module.steps = steps
                self.store(steps)
            if trainer.is_global_zero and (changed or done == LOOKS[0]):
                self.say(self._estimate(trainer, pl_module, passed, each))
        self._since, self._counted, self._validating = now, done, 0.0

    def _fitting(self, trainer: Trainer, method: Method, passed: float, seconds_a_step: float) -> int:
        """Number of steps that the time has room for."""
        early, share = self._validations(trainer, method, LOOKS[-1] * 2)
        fitting = (self.seconds - passed - early) / (seconds_a_step + share)
        least = max(LEAST_STEPS, WARM_UP_SHARE * method.warm_up_steps, method.steps_done)
        return max(least, method.steps_done + int(max(0.0, fitting)) // 10 * 10)

    def _estimate(self, trainer: Trainer, method: Method, passed: float, seconds_a_step: float) -> str:
        early, share = self._validations(trainer, method, method.steps)
        whole = passed + early + (method.steps - method.steps_done) * (seconds_a_step + share)
        line = f"time: {method.steps} steps in about {duration(whole)}, by the speed of the first {method.steps_done}"
        few = f"; fewer are too few to learn from ({duration(self.seconds)} were asked for)"
        return line + few if whole > 1.1 * self.seconds else line

    def _validations(self, trainer: Trainer, method: Method, last: int) -> tuple[float, float]:
        """Return the seconds of the early validations up to a step, and those of the regular ones for each step."""
        every = trainer.val_check_interval  # in steps, as our default has it
        every = every if isinstance(every, int) else 1 << 30
        early = sum(method.steps_done < look <= last for look in (25, 50, 100, 200, 400) if look < every)
        return early * self._last_validation, self._last_validation / every


class StepProgress(Callback):
    """Steps done, steps a second, time left, the last distance and label error: a bar where a person looks on, else
    lines, one for each validation among them.

    Args:
        name: What the lines begin with, such as the run's name; by default that of the method's class.
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = name
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._lines: PlainLines | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin at the step that a resumed run begins at."""
        if not isinstance(pl_module, Method) or not trainer.is_global_zero:
            return
        name, done = self._name or type(pl_module).__name__, pl_module.steps_done
        if not sys.stderr.isatty():
            self._lines = PlainLines(pl_module.steps, name, done, "steps")
        else:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[distance]}"),
            )
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task(name, total=pl_module.steps, completed=done, rate="", distance="")
            self._bar.start()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Show the step."""
        if self._bar is not None and isinstance(pl_module, Method):
            speed = self._bar.tasks[0].speed
            rate = f"{speed:.1f} steps/s" if speed else ""
            self._bar.update(self._task, completed=pl_module.steps_done, total=pl_module.steps, rate=rate)
        elif self._lines is not None and isinstance(pl_module, Method):
            self._lines.total = pl_module.steps
            self._lines.advance(1)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the distance."""
        distance, nothing = (trainer.callback_metrics.get(name) for name in (DISTANCE, DO_NOTHING))
        if distance is None or nothing is None:
            return
        error = trainer.callback_metrics.get(LABEL_ERROR)
        judged = "" if error is None else f", label error {100 * float(error):.0f} %"
        told = f"distance to real {float(distance):.0f} (doing nothing {float(nothing):.0f}){judged}"
        if self._bar is not None:
            self._bar.update(self._task, distance=told)
        elif self._lines is not None:
            self._lines.tell(told)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Lightning calls this in place of `teardown` after an error."""
        self.teardown(trainer, pl_module, "fit")

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the terminal whole, also after an error."""
        if self._bar is not None:
            self._bar.stop()
        elif self._lines is not None:
            self._lines.end()
        self._bar = self._lines = None
