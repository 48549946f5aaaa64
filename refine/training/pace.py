"""Steps that a time allows for, by the speed of the first ones."""

import time
from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from refine.methods.base import Method
from refine.terminal import duration
from refine.training.sizing import LEAST_STEPS, WARM_UP_SHARE

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
