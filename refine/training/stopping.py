"""When a run ends: after its steps, or after the step during which somebody pressed Ctrl-C."""

import signal
import threading
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from refine.methods.base import Method


class StopAfterSteps(Callback):
    """Ends a fit when the method has done its `steps`, however many optimizers a step moves."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Stop after the last step."""
        self._stop_if_done(trainer, pl_module)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A finished run that is resumed does not train a step more."""
        self._stop_if_done(trainer, pl_module)

    @staticmethod
    def _stop_if_done(trainer: Trainer, pl_module: LightningModule) -> None:
        if isinstance(pl_module, Method) and pl_module.steps_done >= pl_module.total_steps:
            trainer.should_stop = True


class StopOnInterrupt(Callback):
    """The first Ctrl-C (or SIGTERM) ends the fit after the step under way, with a checkpoint; a second one at once."""

    def __init__(self) -> None:
        self._previous: dict[signal.Signals, Any] = {}
        self.interrupted = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen, in place of Lightning's own handler of SIGTERM, which would end without a checkpoint."""
        if threading.current_thread() is not threading.main_thread():
            return  # Python delivers signals to the main thread alone

        def stop(number: int, frame: FrameType | None) -> None:
            if self.interrupted:
                raise KeyboardInterrupt
            self.interrupted = True

        for name in (signal.SIGINT, signal.SIGTERM):
            self._previous[name] = signal.signal(name, stop)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """All processes stop after the same step, whichever was interrupted."""
        if trainer.strategy.reduce_boolean_decision(self.interrupted, all=False):
            self.interrupted = trainer.should_stop = True

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Lightning calls this in place of `teardown` after an error."""
        self.teardown(trainer, pl_module, "fit")

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the signals as they were."""
        for name, handler in self._previous.items():
            signal.signal(name, handler)
        self._previous.clear()
