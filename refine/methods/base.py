"""Base class of methods: constructor arguments, the description to build one again, step counter, stop on NaN."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast, dataclass_transform

import lightning
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.strategies import ParallelStrategy
from torch import Tensor

from refine.data.samples import TrainingData
from refine.errors import InputError, TrainingDiverged

FORMAT = 1
"""Version of the ``refine`` entry in checkpoints and bundles."""

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]

CHECK_EVERY = 25
"""Steps between looks at the losses on an accelerator, where each look waits for the device."""


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field,))
class Method(LightningModule, ABC):
    """A training algorithm, which is stored and built again without pickle.

    Constructor arguments are written once, as in a dataclass: the annotated class attributes with a value, which are
    plain values. The constructor takes them by name, keeps them as attributes, and calls `build`. Whatever else has an
    annotation gets it in `build`. A class may also have a constructor of its own that keeps its arguments so.
    """

    players: ClassVar[tuple[str, ...]] = ()
    """Names of the optimizers, in order."""
    local_files: ClassVar[tuple[str, ...]] = ()
    """Arguments that name files of this machine, which training alone reads."""
    process_prefixes: ClassVar[tuple[str, ...]] = ()
    """Prefixes of the state dict's entries that each process holds its own of, such as a history of images. The
    checkpoint of several processes holds those of all."""
    channels: int
    """Channels of the images that the network takes: 1 (gray) or 3 (RGB)."""
    steps: int
    """Training steps, and the horizon of every schedule."""
    seed: int
    """Seeds every random draw of training, with the step: nothing random is left over to save."""

    def __init_subclass__(cls) -> None:
        """Make a class's constructor of its own arguments, then of those that it inherits."""
        super().__init_subclass__()
        own = [name for name in inspect.get_annotations(cls) if name in vars(cls)]
        if not own or "__init__" in vars(cls):
            return
        constructor: Any = dataclass(eq=False, repr=False, kw_only=True)(cls).__init__
        parameters = inspect.signature(constructor).parameters
        ordered = [name for name in dict.fromkeys(["self", *own, *parameters]) if name in parameters]
        constructor.__signature__ = inspect.Signature([parameters[name] for name in ordered])

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.steps_done = 0
        self.is_new_run = False
        """Whether it is known before Lightning starts that no checkpoint's weights will replace the first ones."""
        self.build()

    def __post_init__(self) -> None:
        """Go on as `dataclass` asks for, once the arguments are attributes."""
        Method.__init__(self)

    def build(self) -> None:
        """Make networks, losses and whatever else follows from the arguments, after that of the parent class.

        Raises:
            InputError: If an argument is out of range.
        """

    def require_at_least(self, least: int, *names: str, least_is: str = "") -> None:
        """Raise `InputError` for the first named argument below ``least``, of which ``least_is`` says what it means."""
        for name in names:
            if not getattr(self, name) >= least:  # NaN is in no range
                raise InputError(f"{name} is {getattr(self, name)}; expected {least}{least_is} or more")

    def require_positive(self, *names: str) -> None:
        """Raise `InputError` for the first named argument that is not above 0."""
        for name in names:
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}; expected more than 0")

    @property
    def warm_up_steps(self) -> int:
        """Steps before all players take part."""
        return 0

    def arguments(self) -> dict[str, Plain]:
        """Return the constructor's arguments as plain values."""
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        return {name: _plain(getattr(self, name)) for name in names}

    def shared_arguments(self) -> dict[str, Plain]:
        """Return the arguments for a model that is handed on, without this machine's files."""
        return {name: None if name in self.local_files else value for name, value in self.arguments().items()}

    def description(self) -> dict[str, Plain]:
        """Return the entry of a checkpoint or bundle from which this method is built again."""
        return {
            "format": FORMAT,
            "class_path": f"{type(self).__module__}.{type(self).__qualname__}",
            "init_args": self.arguments(),
            "state": self.inference_state(),
            "versions": {"torch": str(torch.__version__), "lightning": str(lightning.__version__)},
        }

    def inference_state(self) -> dict[str, Plain]:
        """Return plain values beyond the weights that calling the method needs."""
        return {}

    def load_inference_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `inference_state` gave."""

    def require_fitted(self) -> None:
        """Raise `InputError` if the method cannot be called with the weights and arguments that it has."""
        if self.channels not in (1, 3):
            raise InputError(f"channels is {self.channels}; expected 1 (gray) or 3 (RGB)")

    def exported_prefixes(self) -> tuple[str, ...]:
        """Return prefixes of the state dict's entries that calling the method needs; the rest is for training alone."""
        return ("",)

    def setup(self, stage: str) -> None:
        """Lightning's call before a run: `prepare` with the trainer's data, where it has a datamodule."""
        self.prepare(stage, getattr(self._trainer, "datamodule", None) if self._trainer is not None else None)

    def prepare(self, stage: str, data: TrainingData | None) -> None:
        """Take over from the data what the method needs to know, read other files, refuse what does not fit.

        The command line calls it before a run's folder is made, and Lightning again: the second call changes nothing.

        Args:
            stage: ``fit`` or ``validate``.
            data: None where batches come without a datamodule.

        Raises:
            InputError: If something does not fit.
        """

    @abstractmethod
    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One step, counted by `count_step` at its end."""

    def generator(self, device: torch.device | str = "cpu", purpose: int = 0) -> torch.Generator:
        """A generator for this step's draws: a function of the seed, the step, the process and the purpose alone.

        Args:
            device: Where it draws.
            purpose: Draws of one step that must not hang together take different numbers.
        """
        numbers = torch.tensor([self.seed, self.steps_done, self.global_rank, purpose], dtype=torch.int64)
        mixed = (numbers * torch.tensor([1_000_003, 7_919, 104_729, 15_485_863])).sum()
        return torch.Generator(device).manual_seed(int(mixed))

    def descend(self, optimizer: LightningOptimizer, loss: Tensor) -> None:
        """One step of one player down its loss; a loss that is not finite stops the run before the step.

        Raises:
            TrainingDiverged: As `add_gradient`.
        """
        optimizer.zero_grad()
        self.add_gradient(loss)
        optimizer.step()

    def add_gradient(self, loss: Tensor) -> Tensor:
        """Add the gradient of a loss, or of a part of it, to those of the player whose turn it is, and free its graph.

        Returns:
            The loss without its graph.

        Raises:
            TrainingDiverged: If ``loss`` is NaN or infinite. On an accelerator only every `CHECK_EVERY` steps.
        """
        if loss.device.type == "cpu" or self.steps_done % CHECK_EVERY == 0:
            self._require_finite(loss)
        self.manual_backward(loss)
        return loss.detach()

    @contextmanager
    def local_gradients(self) -> Iterator[None]:
        """Inside, `add_gradient` leaves the sum over processes to the first call after the block.

        That call's loss must reach every parameter that the calls inside reached: DDP takes others for unused, and
        their gradients would stay those of each process.
        """
        strategy = self.trainer.strategy
        if isinstance(strategy, ParallelStrategy):
            with strategy.block_backward_sync():
                yield
        else:
            yield

    def _require_finite(self, loss: Tensor) -> None:
        """Raise `TrainingDiverged` unless a loss is finite, which waits for the device."""
        if not bool(torch.isfinite(loss.detach()).all()):
            raise TrainingDiverged(
                f"training stopped at step {self.steps_done}: a loss is {loss.detach().mean().item()}; the last "
                "checkpoint stays. Try a lower learning rate, full precision (--trainer.precision 32), or look "
                "for broken images in the data"
            )

    def count_step(self) -> None:
        """Call at the end of every training step."""
        for name, optimizer in zip(self.players, self.trainer.optimizers, strict=True):
            self.log_number(f"learning_rate/{name}", optimizer.param_groups[0]["lr"])
        self.steps_done += 1

    def log_number(self, name: str, value: float) -> None:
        """Log a Python number. Lightning would copy it to the device, and so wait for all that the device has to do."""
        self.log(name, torch.tensor(value))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the description and the step counter.

        Raises:
            TrainingDiverged: If a weight is NaN or infinite: a broken state must not replace a good one.
        """
        for name, weight in self.state_dict().items():
            if weight.is_floating_point() and not bool(torch.isfinite(weight).all()):
                raise TrainingDiverged(
                    f"training stopped at step {self.steps_done}: weight {name} is not finite, so no checkpoint "
                    "is written; the last one stays. Try a lower learning rate or full precision"
                )
        processes = self._processes()
        checkpoint["refine"] = {**self.description(), "steps_done": self.steps_done, "processes": processes}
        if processes > 1 and self.process_prefixes:
            checkpoint["processes"] = self._states_of_processes(processes)

    def _processes(self) -> int:
        return 1 if self._trainer is None else self._trainer.world_size

    def _states_of_processes(self, processes: int) -> list[dict[str, Tensor]]:
        """Return the entries under `process_prefixes` of each process, in order. A collective call."""
        own = {name: value for name, value in self.state_dict().items() if name.startswith(self.process_prefixes)}
        gathered = {}
        for name, value in own.items():
            held = value.numel() > 0  # on all processes or on none: they take their steps together
            gathered[name] = cast(Tensor, self.all_gather(value.to(self.device))).cpu() if held else [value] * processes
        return [{name: values[rank] for name, values in gathered.items()} for rank in range(processes)]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take back the counter and, of several processes, what was this one's own.

        Raises:
            InputError: As `require_same_run`.
        """
        stored = checkpoint["refine"]
        fits = self._trainer is not None and self._trainer.state.fn == "fit"
        self.require_same_run(stored, self._processes() if fits else None)
        states = checkpoint.get("processes", [])
        if isinstance(states, list) and self._processes() == len(states) > 1:  # validation may have fewer
            own = dict(states[self.global_rank])
            if not all(str(name).startswith(self.process_prefixes) for name in own):
                raise ValueError("one process's own state has other names than those of its history")
            checkpoint["state_dict"].update(own)
        self.steps_done = int(stored["steps_done"])
        self.load_inference_state(stored["state"])

    def require_same_run(self, stored: Mapping[str, Any], processes: int | None) -> None:
        """Refuse to go on with the checkpoint of another method or run.

        Args:
            stored: The checkpoint's ``refine`` entry.
            processes: Number of those that are to go on; None where nothing is trained.

        Raises:
            InputError: If it is of another class, was trained with other arguments, or is to be trained on by another
                number of processes: each goes on at its own place in the data, with its own history.
        """
        if stored["class_path"] != self.description()["class_path"]:
            raise InputError(f"the checkpoint holds {stored['class_path']}, not {type(self).__qualname__}")
        now = self.arguments()
        # An argument that an older checkpoint does not know was at its default.
        defaults = {name: getattr(type(self), name, value) for name, value in now.items()}
        before = {**{name: _plain(value) for name, value in defaults.items()}, **stored["init_args"]}
        other = [f"{k}={v} (now {now.get(k)})" for k, v in before.items() if v != now.get(k) and k != "steps"]
        if other:
            more = f", and {len(other) - 1} more" if other[1:] else ""
            raise InputError(
                f"the checkpoint was trained with {other[0]}{more}: a run goes on with the arguments that it began "
                "with, but for steps; start a new run to change them"
            )
        began = stored.get("processes", processes)  # older checkpoints do not say
        if processes is not None and began != processes:
            raise InputError(
                f"the checkpoint was trained by {began} process{'' if began == 1 else 'es'}, not {processes}: a run "
                f"goes on with as many as it began with (--trainer.devices {began}); start a new run to change them"
            )


def _plain(value: object) -> Plain:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a method's argument must be a plain value, not {type(value).__name__}")


def two_optimizers(method: LightningModule) -> tuple[LightningOptimizer, LightningOptimizer]:
    """The optimizers of the two players, in the order in which the method configured them."""
    first, second = cast(list[LightningOptimizer], method.optimizers())
    return first, second
