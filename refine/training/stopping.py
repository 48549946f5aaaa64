"""When a run ends: after its steps, or after the step during which somebody pressed Ctrl-C."""

import signal
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from refine import interrupts
from refine.methods.base import CHECK_EVERY, Method

KEPT = "the last checkpoint that was written is kept; go on with the same command and --resume"


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
        if isinstance(pl_module, Method) and pl_module.steps_done >= pl_module.steps:
            trainer.should_stop = True


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
