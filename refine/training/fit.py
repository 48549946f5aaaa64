"""`refine fit` and `refine validate`: LightningCLI with our defaults, recipes and safe checkpoints."""

import logging
import pathlib
import sys
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from jsonargparse import Path as ContextPath  # type: ignore[attr-defined]  # documented, not in its __all__
from jsonargparse.typing import register_type
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import TensorBoardLogger

from refine import interrupts
from refine.data import UnpairedImages
from refine.devices import DeviceName, choose_device
from refine.errors import InputError
from refine.methods.base import Method
from refine.methods.checkpoint import allowed_class, read_checkpoint
from refine.training.checkpoints import Checkpoints
from refine.training.last_words import last_words, next_command
from refine.training.parser import OneLineParser, essence, with_config, with_recipes
from refine.training.resuming import require_training_state, resuming
from refine.training.step_progress import StepProgress
from refine.training.stopping import StopAfterSteps, StopOnInterrupt
from refine.training.watch import add_watching, joined, require_judged, watching

RUNS = "checkpoints"
"""Where runs are written by default, in the current folder."""

TRAINER_DEFAULTS: dict[str, Any] = {
    "default_root_dir": RUNS,
    "max_epochs": -1,  # the data is an endless stream; `steps` ends the run
    "use_distributed_sampler": False,  # positions are shared out by our own sampler
    "check_val_every_n_epoch": None,  # so that val_check_interval counts training steps
    "val_check_interval": 500,
    "num_sanity_val_steps": 0,
    "log_every_n_steps": 10,
    "enable_model_summary": False,
}


SEVERAL_PROCESSES = "ddp_find_unused_parameters_true"
"""Strategy of several devices where none is asked for: a player's step leaves the weights of the other one unused."""

GO_ON = "go on with the same command and --resume ({folder}/last.ckpt)"


def _relative_to_recipe(value: object) -> pathlib.Path:
    return pathlib.Path(ContextPath(str(value), mode="").absolute)


class RefineCLI(LightningCLI):
    """Wires a method, a dataset and a trainer from recipes and flags."""

    def __init__(self, args: list[str], run_name: str) -> None:
        self._run_name = run_name
        self._stored: Mapping[str, Any] | None = None
        self._stored_optimizers = 0
        register_type(pathlib.Path, str, _relative_to_recipe, type_check=isinstance)
        super().__init__(
            Method,
            UnpairedImages,
            save_config_kwargs={"overwrite": True},
            trainer_defaults=TRAINER_DEFAULTS,
            seed_everything_default=0,
            subclass_mode_model=True,
            subclass_mode_data=True,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            args=args,
            parser_class=OneLineParser,
            parser_kwargs={"prog": "refine"},
        )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """What of Lightning is a command of ours."""
        skip = {"model", "train_dataloaders", "val_dataloaders", "dataloaders", "datamodule", "weights_only"}
        return {"fit": skip, "validate": skip}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Our own few flags."""
        parser.add_argument(
            "--steps", type=int | None, default=None, help="training steps (batches); default: the method's"
        )
        parser.add_argument(
            "--run",
            type=str | None,
            default=None,
            help="name of the run's folder (default: after the recipes)",
        )
        parser.add_argument(
            "--resume",
            action="store_true",
            help="go on with the run of this name, or the latest of these recipes; where there is none, begin one",
        )
        parser.add_argument(
            "--checkpoint_every",
            type=int,
            default=500,
            help="most steps between two writings of last.ckpt, which comes every two minutes at least; 0: in the end "
            "only",
        )
        parser.add_argument(
            "--trust", type=list[str] | str, default=[], help="modules whose classes a checkpoint may name"
        )
        parser.add_argument(
            "--device",
            type=DeviceName | None,
            default=None,
            help="auto, cpu, cuda or mps, in place of --trainer.accelerator",
        )
        add_watching(parser)
        parser.link_arguments("data.channels", "model.init_args.channels", apply_on="instantiate")
        parser.set_defaults({"data": {"class_path": "refine.data.UnpairedImages"}})

    def before_instantiate_classes(self) -> None:
        """Let the dataset's recipe say how long to train."""
        config = self._given()
        if config["steps"] is not None:
            if config["steps"] < 1:
                raise InputError(f"--steps is {config['steps']}; expected at least 1")
            config["model"]["init_args"]["steps"] = config["steps"]
        if config["device"] is not None:
            if config["trainer"]["accelerator"] != "auto":
                raise InputError(
                    f"--device {config['device']} and --trainer.accelerator {config['trainer']['accelerator']} say the "
                    "same thing; give one of them"
                )
            config["trainer"]["accelerator"] = choose_device(config["device"]).type

    def _set_seed(self) -> None:
        """Refuse a seed that numpy does not take, in one line."""
        try:
            super()._set_seed()
        except (ValueError, OverflowError) as error:
            raise InputError(f"--seed_everything: {error}") from error

    def instantiate_classes(self) -> None:
        """Constructors' complaints in one line: jsonargparse wraps them."""
        try:
            super().instantiate_classes()
        except (ValueError, MisconfigurationException) as error:
            raise InputError(essence(str(error))) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add the callbacks that every run has."""
        wants_bar = self._given()["trainer"]["enable_progress_bar"] is not False
        ours: dict[str, Any] = {"enable_checkpointing": False, "enable_progress_bar": False}
        settings = self._given()["trainer"]
        if settings["strategy"] == "auto" and self._processes(settings) > 1:
            ours["strategy"] = SEVERAL_PROCESSES
        if settings["logger"] is None and self.subcommand == "validate":
            ours["logger"] = False  # Lightning's own leaves a folder lightning_logs
        elif settings["logger"] is None and not settings["fast_dev_run"]:
            root = str(settings["default_root_dir"])
            ours["logger"] = TensorBoardLogger(root, name="", version=self._free_name(self._given()))
        trainer: Trainer = super().instantiate_trainer(**ours, **kwargs)
        bar = [StepProgress()] if wants_bar else []
        validation, checkpoints = watching(self._given(), str(trainer.strategy.root_device))
        self._judges = validation.judges
        ours_always = [validation, checkpoints, StopAfterSteps(), StopOnInterrupt(), *bar]
        trainer.callbacks.extend(ours_always)  # type: ignore[attr-defined]  # Lightning's connector sets it
        return trainer

    def _given(self) -> Namespace:
        config: Namespace = self.config[self.config["subcommand"]]
        return config

    @staticmethod
    def _processes(settings: Namespace) -> int:
        """How many processes Lightning makes of these devices: it alone knows what ``auto`` finds."""
        asked = {name: settings[name] for name in ("accelerator", "devices", "num_nodes")}
        return Trainer(**asked, logger=False, enable_checkpointing=False, enable_progress_bar=False).world_size

    def _free_name(self, config: Namespace) -> str:
        root = Path(config["trainer"]["default_root_dir"])
        resumed = Path(config["ckpt_path"]).resolve().parent if config["ckpt_path"] else None
        if config["run"]:
            if (root / config["run"] / "last.ckpt").exists() and (root / config["run"]).resolve() != resumed:
                raise InputError(
                    f"{root / config['run']}: holds a run already; go on with it (--resume), or name another --run"
                )
            return str(config["run"])
        if resumed is not None and resumed.parent == root.resolve():
            return resumed.name  # a resumed run goes on in its own folder
        number = 1
        while (root / (name := self._run_name if number == 1 else f"{self._run_name}-{number}")).exists():
            number += 1
        return name

    def _latest(self, config: Namespace) -> str | None:
        """The last checkpoint of the run of that name, or of the latest one of these recipes."""
        root, name = Path(config["trainer"]["default_root_dir"]), config["run"] or self._run_name
        numbered = [root / name]
        while not config["run"] and (further := root / f"{name}-{len(numbered) + 1}").exists():
            numbered.append(further)
        found = [folder / "last.ckpt" for folder in numbered if (folder / "last.ckpt").is_file()]
        return str(found[-1]) if found else None

    def before_fit(self) -> None:
        """Read the data and what the method needs first: what is wrong there must not leave a run's folder behind."""
        self._prepare("fit")

    def before_validate(self) -> None:
        """The same."""
        self._prepare("validate")

    def _prepare(self, stage: str) -> None:
        self.datamodule.prepare_data()
        self.datamodule.setup(stage)
        if isinstance(self.datamodule, UnpairedImages) and isinstance(self.model, Method):
            self.model.is_new_run = not self._given().get("ckpt_path")
            self.model.prepare(stage, self.datamodule)
            if self._judges is not None:
                require_judged(self._judges, self.model, self.datamodule, self._given()["label_error_bound"])
            if stage == "fit" and self._stored is not None:
                try:
                    self.model.require_same_run(self._stored, self.trainer.world_size)
                except InputError as error:
                    raise InputError(f"{self._given()['ckpt_path']}: {error}") from error
                if self.trainer.is_global_zero:
                    print(f"resumed at step {self._stored['steps_done']}")

    def _run_subcommand(self, subcommand: str) -> None:
        """Hold what a checkpoint has for training against the first step that is made with it."""
        path = self._given().get("ckpt_path")
        with resuming(Path(path), self.trainer, self._stored_optimizers) if path else nullcontext():
            super()._run_subcommand(subcommand)

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        """Resume without pickle, whatever torch's default is."""
        return {**super()._prepare_subcommand_kwargs(subcommand), "weights_only": True}

    def _parse_ckpt_path(self) -> None:
        """Look at the checkpoint before anything is built, and take nothing from it that names code."""
        config = self._given()
        if config.get("resume") and not config.get("ckpt_path"):
            config["ckpt_path"] = self._latest(config)
        path = config.get("ckpt_path")
        if not path:
            return
        content = read_checkpoint(Path(path))
        self._stored = content["refine"]
        if self.config["subcommand"] == "fit":
            self._stored_optimizers = require_training_state(Path(path), content)
        trust = (config["trust"],) if isinstance(config["trust"], str) else tuple(config["trust"])
        allowed_class(Path(path), self._stored.get("class_path"), trust)


def run(args: list[str]) -> int:
    """`refine fit …` and `refine validate …`.

    Args:
        args: The command line after ``refine``, beginning with ``fit`` or ``validate``.

    Raises:
        InputError: On bad usage or input.
        TrainingDiverged: If a loss became NaN or infinite.

    Returns:
        The exit code.
    """
    interrupts.begin()
    args, names = with_recipes(joined(with_config(args)))
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    unhelpful = ["many workers", "LeafSpec", "log_every_n_steps", "args parameter is intended"]
    unhelpful += ["sync_dist=True", "all_gather is deprecated"]  # every process validates on the same images
    warnings.filterwarnings("ignore", module="lightning", message=f".*({'|'.join(unhelpful)}).*")
    warnings.filterwarnings("ignore", message="This DataLoader will create")  # so many were asked for
    cli = RefineCLI(args, "-".join(names) or "run")
    trainer = cli.trainer
    folder = trainer.log_dir  # on every process: it is a collective call
    quick = trainer.fast_dev_run  # type: ignore[attr-defined]  # Lightning's debugging connector sets it
    if args[0] != "fit" or not trainer.is_global_zero:
        return 0
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # Lightning's connector sets it
    if any(isinstance(callback, StopOnInterrupt) and callback.interrupted for callback in callbacks):
        cure = interrupts.NOTHING_KEPT if quick else GO_ON.format(folder=folder)
        print(f"refine: {interrupts.stopped_by()}; {cure}", file=sys.stderr)
        return interrupts.exit_code()  # so that `fit && apply` does not go on with half a model
    if quick:
        return 0
    (checkpoints,) = (callback for callback in callbacks if isinstance(callback, Checkpoints))
    if line := checkpoints.missing():
        print(line, file=sys.stderr)
    print(f"run: {folder}")
    if reached := checkpoints.reached(trainer.callback_metrics):
        print(last_words(reached))
        print(next_command(Path(str(folder)), checkpoints.best is not None, cli.datamodule.synthetic))
    return 0
