"""The checkpoints of a run: the last state, always whole, and the best one that a validation saw."""

import time
from collections.abc import Mapping, Sequence
from math import isinf
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jsonargparse import Namespace
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from refine.data import UnpairedImages
from refine.distances.label_error import images_needed
from refine.distances.networks import Judges, extractors
from refine.errors import InputError
from refine.files import cut
from refine.methods.base import CHECK_EVERY, Method
from refine.methods.translator import Translator
from refine.training.validation import AGREEMENT, CONFIRMED_HIGH, DISTANCE, DO_NOTHING, LABEL_ERROR_HIGH, Validation

SECONDS = 110.0
"""Most seconds between two writings of `last.ckpt`: what a kill loses is no more than two minutes of work."""
BEST, UNCONFIRMED = "best.ckpt", "unconfirmed.ckpt"


class Reached(NamedTuple):
    """Distances to the real images (`distance/swd`) that a run's validations measured."""

    nothing: float
    """Distance of the synthetic images as they are."""
    best: float | None
    """Distance of `best.ckpt`; None where there is none."""
    best_step: int
    last: float | None
    """Distance at the end; None where a run that had ended went on with no step."""
    agreement: float | None = None
    """Share of images on which the judge says of the best ones what it said before; None without a judge."""

    @property
    def helps(self) -> bool:
        """Whether a state came nearer than the synthetic images are, or a bound on label errors took all of them."""
        return self.best is None or self.best < self.nothing


class Checkpoints(Callback):
    """`last.ckpt` every so many steps or two minutes, and when the fit ends; `best.ckpt` by the distance to real.

    With a bound on the label error, `best.ckpt` is the nearest one among those whose interval ends under it, on half of
    the validation images. Until the fit ends it is called `unconfirmed.ckpt`: then the other half, which had no part in
    the choice, must confirm it, or it is taken away. Files are written under a temporary name and
    renamed, so that a stop at any moment leaves the one before.

    Args:
        every: Training steps between two writings of `last.ckpt`, at most; 0 writes it only in the end.
        bound: Highest label error of `best.ckpt`, 0 to 1; None looks at the distance alone.
        judges: What identifies the judges that measure it: errors of others do not compare.
    """

    def __init__(self, every: int = 500, bound: float | None = None, judges: Sequence[str] = ()) -> None:
        self.every, self.bound, self.judges = every, bound, list(judges)
        self._saved = time.monotonic()
        self.best: float | None = None
        self.nothing: float | None = None
        """Distance of the synthetic images as they are."""
        self.best_step = 0
        self.best_agreement: float | None = None
        self.lowest: tuple[float, int] | None = None
        """The lowest upper end of the label error's interval seen, and after how many steps."""
        self.held_out: float | None = None
        """The upper end for `best.ckpt` on the images that had no part in the choice."""
        self.refused: float | None = None
        """That upper end for a `best.ckpt` that they did not confirm."""

    @property
    def state_key(self) -> str:
        """One key whatever the arguments: a resumed run may save more often."""
        return type(self).__name__

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A `best.ckpt` of an earlier run of this name was held to no bound, or another one."""
        quick = trainer.fast_dev_run  # type: ignore[attr-defined]  # set by the debugging connector
        best, unconfirmed = (self._folder(trainer) / name for name in (BEST, UNCONFIRMED))
        if self.bound is None or quick or not trainer.is_global_zero:
            return
        if self.best is None:
            unconfirmed.unlink(missing_ok=True)
            best.unlink(missing_ok=True)
        elif best.exists():  # of the part of the run before: another may be chosen now
            best.replace(unconfirmed)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Save what has been reached: every so many steps, and where these are slow every `SECONDS`."""
        if not self.every or not isinstance(pl_module, Method):
            return
        late = False
        # Several processes agree seldom: that is a message, and on a GPU a wait for all work.
        if trainer.world_size == 1 or pl_module.steps_done % CHECK_EVERY == 0:
            late = trainer.strategy.broadcast(time.monotonic() - self._saved >= SECONDS)
        if late or pl_module.steps_done % self.every == 0:
            self._save(trainer, "last.ckpt")
            self._saved = time.monotonic()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep this state if it is nearer to the real images than any before, and its labels are right enough."""
        distance = trainer.callback_metrics.get(DISTANCE)
        if trainer.sanity_checking or trainer.state.fn != "fit" or distance is None:
            return
        self.nothing = _figure(trainer.callback_metrics, DO_NOTHING)
        nearer = bool(torch.isfinite(distance)) and (self.best is None or float(distance) < self.best)
        better = self._keeps_labels(trainer, pl_module) and nearer
        if trainer.strategy.broadcast(better):  # saving takes all processes: one decides for them
            self.best, self.best_step = float(distance), pl_module.steps_done if isinstance(pl_module, Method) else 0
            self.best_agreement = _figure(trainer.callback_metrics, AGREEMENT)
            self.held_out = _figure(trainer.callback_metrics, CONFIRMED_HIGH)
            self._save(trainer, BEST if self.bound is None else UNCONFIRMED)

    def _keeps_labels(self, trainer: Trainer, pl_module: LightningModule) -> bool:
        error = _figure(trainer.callback_metrics, LABEL_ERROR_HIGH)
        if self.bound is None or error is None:
            return self.bound is None
        if isinstance(pl_module, Method) and (self.lowest is None or error < self.lowest[0]):
            self.lowest = (error, pl_module.steps_done)
        return error <= self.bound

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Every fit ends with a full checkpoint, wherever its end falls, and with a `best.ckpt` that was confirmed."""
        self._confirm(trainer)
        self.best, self.held_out, self.refused = trainer.strategy.broadcast((self.best, self.held_out, self.refused))
        self._save(trainer, "last.ckpt")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Keep the best state so far, if it is confirmed. Where there are several processes, the others may be gone."""
        if trainer.world_size == 1:
            self._confirm(trainer)

    def _confirm(self, trainer: Trainer) -> None:
        """Rename or remove the unconfirmed state; the first process alone has measured it."""
        quick = trainer.fast_dev_run  # type: ignore[attr-defined]  # set by the debugging connector
        folder = self._folder(trainer)
        if self.bound is None or self.best is None or quick or not trainer.is_global_zero:
            return
        unconfirmed = folder / UNCONFIRMED
        if self.held_out is not None and self.held_out <= self.bound:
            if unconfirmed.exists():
                unconfirmed.replace(folder / BEST)
        else:
            self.best, self.held_out, self.refused = None, None, torch.nan if self.held_out is None else self.held_out
            unconfirmed.unlink(missing_ok=True)

    def reached(self, metrics: Mapping[str, Tensor]) -> Reached | None:
        """Return how near the run came, by the metrics of its end; None where no validation ever measured it."""
        last, nothing = _figure(metrics, DISTANCE), _figure(metrics, DO_NOTHING)
        if last is None or nothing is None:
            last, nothing = None, self.nothing
        return None if nothing is None else Reached(nothing, self.best, self.best_step, last, self.best_agreement)

    def missing(self) -> str | None:
        """Return one line on why there is no `best.ckpt`, where a bound was set and none stayed under it."""
        if self.bound is None or self.best is not None:
            return None
        if self.refused is not None:
            return (
                "best.ckpt was taken away: the validation images that had no part in its choice do not confirm a label "
                f"error of {self.bound:g} or less, their interval goes up to {self.refused:.3g}; more of them "
                "(--data.validation-samples) make it narrower"
            )
        if self.lowest is None:
            return f"no validation measured a label error, so there is no best.ckpt under the bound of {self.bound:g}"
        error, step = self.lowest
        return (
            f"no validation stayed under the label error bound of {self.bound:g}, so there is no best.ckpt; the lowest "
            f"upper end of the label error was {error:.3g}, at step {step} (a judge that cannot read such images errs "
            "too: look at them)"
        )

    def state_dict(self) -> dict[str, Any]:
        """The best distance so far, and what it was held to."""
        names = ("best", "nothing", "bound", "judges", "lowest", "held_out", "best_step", "best_agreement")
        return {name: getattr(self, name) for name in names} | {"lowest": self.lowest and list(self.lowest)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it back.

        Raises:
            InputError: If the run began with another bound, or a bound and other judges: its best would mean nothing.
        """
        bound, judges = state_dict.get("bound"), state_dict.get("judges", [])
        if bound != self.bound or (bound is not None and judges != self.judges):
            began = "no label_error_bound" if bound is None else f"label_error_bound={bound:g}"
            other = "with another bound" if bound != self.bound else "with other judges"
            raise InputError(
                f"the checkpoint's run began with {began} and goes on {other}, so its best.ckpt would mean nothing; "
                "give what it began with, or start a new run"
            )
        for name in ("best", "nothing", "held_out", "best_step", "best_agreement"):
            if not isinstance(value := state_dict.get(name), int | float | None):
                raise InputError(f"the checkpoint's state of its best one is damaged ({name} is {cut(repr(value))})")
        self.nothing = state_dict.get("nothing")
        lowest, self.held_out = state_dict.get("lowest"), state_dict.get("held_out")
        self.best_step, self.best_agreement = state_dict.get("best_step", 0), state_dict.get("best_agreement")
        self.best, self.lowest = state_dict["best"], None if lowest is None else (float(lowest[0]), int(lowest[1]))

    @staticmethod
    def _save(trainer: Trainer, name: str) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]  # set by the debugging connector
            return
        folder = Checkpoints._folder(trainer)
        temporary = folder / f".{name}.tmp"
        trainer.save_checkpoint(temporary)  # every process takes part; the first one writes
        if trainer.is_global_zero:
            temporary.replace(folder / name)

    @staticmethod
    def _folder(trainer: Trainer) -> Path:
        """To be asked by every process: it is a collective call."""
        return Path(trainer.log_dir or trainer.default_root_dir)


def _figure(metrics: Mapping[str, Tensor], name: str) -> float | None:
    return float(metrics[name]) if name in metrics else None


def watching(config: Namespace, device: str) -> tuple[Validation, Checkpoints]:
    """Return the two callbacks that measure at each validation, as the flags say.

    Args:
        config: All flags.
        device: Where the networks of ``validation_features`` run.

    Raises:
        InputError: If a file cannot be loaded, or the bound is out of range or has no judge.
    """
    bound, paths, trust = config["label_error_bound"], _list(config["judge"]), tuple(_list(config["trust"]))
    if bound is not None and not 0 <= bound <= 1:
        raise InputError(f"--label-error-bound is {bound:g}; expected a share from 0 to 1")
    if bound is not None and not paths:
        raise InputError(
            "--label-error-bound needs a judge that measures the error; name a task model with --judge FILE"
        )
    judges = Judges([Path(path) for path in paths], trust) if paths else None
    networks = extractors(_list(config["validation_features"]), config["validation_weights"], device, trust)
    checkpoints = Checkpoints(int(config["checkpoint_every"]), bound, judges.sha256 if judges else ())
    return Validation(judges, networks, bound), checkpoints


def require_judged(judges: Judges, model: Method, data: UnpairedImages, bound: float | None = None) -> None:
    """Hold the judges against what is trained, and on what.

    Raises:
        InputError: If nothing is refined, the data has no such labels or images, or too few to show the bound.
    """
    if not isinstance(model, Translator):
        raise InputError(
            f"--judge: {type(model).__name__} refines no images, so there is nothing to judge; leave it out"
        )
    needed = 0 if bound is None else 2 * images_needed(bound)
    if data.validation_images < needed:
        cure = "no number of images shows that" if isinf(needed) else "give --data.validation-samples or more data"
        raise InputError(
            f"--label-error-bound {bound:g}: {data.validation_images} validation images cannot show it, "
            f"{f'it takes {needed:.0f}; ' if not isinf(needed) else ''}{cure}"
        )
    judges.require(data.label_space, data.synthetic, data.channels, data.training_size)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
