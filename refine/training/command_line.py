"""LightningCLI with our defaults, recipes and safe checkpoints."""

import pathlib
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, get_args

from jsonargparse import Namespace
from jsonargparse import Path as ContextPath  # type: ignore[attr-defined]  # documented, not in its __all__
from jsonargparse.typing import register_type
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import TensorBoardLogger

from refine.data import UnpairedImages
from refine.data.store import tell
from refine.devices import choose_device
from refine.errors import InputError
from refine.methods.base import Method
from refine.methods.checkpoint import allowed_class, read_checkpoint
from refine.metrics.sliced_wasserstein import PATCH
from refine.options import DeviceName
from refine.recipes import RUN_SETTINGS
from refine.training.checkpoints import require_judged, watching
from refine.training.options import add_fit_flags
from refine.training.parser import FILE_LOGGERS, OneLineParser, essence
from refine.training.preset_flags import given_flag, keep_stored, minutes_to_follow, size_run
from refine.training.resuming import require_training_state, resuming
from refine.training.runs import RUNS, free_name, latest, log_folder
from refine.training.steps import Pace, StepProgress, StopAfterSteps, StopOnInterrupt
from refine.trust import trust_modules

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


HALVED = frozenset({"16-true", "bf16-true"})
"""Lightning's precisions in which the weights themselves, and so the images, are halves."""


class RunTrainer(Trainer):
    """A trainer whose files lie in the run's folder, whatever writes its log."""

    run_folder: str | None = None
    """None: where Lightning puts them."""

    @property
    def log_dir(self) -> str | None:
        """The run's folder. To be asked by every process."""
        return super().log_dir if self.run_folder is None else self.strategy.broadcast(self.run_folder)


def _relative_to_recipe(value: object) -> pathlib.Path:
    return pathlib.Path(ContextPath(str(value), mode="").absolute)


class RefineCLI(LightningCLI):
    """Wires a method, a dataset and a trainer from recipes and flags."""

    def __init__(self, args: list[str], run_name: str) -> None:
        self._run_name, self._words = run_name, args
        self._sized: list[str] = []
        self._minutes: float | None = None
        self._content: Mapping[str, Any] | None = None
        self._stored_optimizers = 0
        register_type(pathlib.Path, str, _relative_to_recipe, type_check=isinstance)
        super().__init__(
            Method,
            UnpairedImages,
            trainer_class=RunTrainer,
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
        """Lightning's subcommands that are ours."""
        skip = {"model", "train_dataloaders", "val_dataloaders", "dataloaders", "datamodule", "weights_only"}
        return {"fit": skip, "validate": skip}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Our own few flags."""
        add_fit_flags(parser)
        parser.link_arguments("data.channels", "model.init_args.channels", apply_on="instantiate")
        parser.set_defaults({"data": {"class_path": "refine.data.UnpairedImages"}})

    def before_instantiate_classes(self) -> None:
        """Settle what recipes and flags leave open."""
        config = self._given()
        trust_modules(self.trusted())
        if config["steps"] is not None and config["steps"] < 1:
            raise InputError(f"--steps is {config['steps']}; expected at least 1")
        if config["device"] is not None:
            if config["trainer"]["accelerator"] != "auto":
                raise InputError(
                    f"--device {config['device']} and --trainer.accelerator {config['trainer']['accelerator']} say the "
                    "same thing; give one of them"
                )
            config["trainer"]["accelerator"] = choose_device(config["device"]).type
            config["device"] = None  # so that the stored settings, given again, say it once
        if (precision := str(config["trainer"]["precision"])) in HALVED:
            raise InputError(
                f"--trainer.precision {precision}: would halve the weights themselves, which no method trains with; "
                "give bf16-mixed, or leave it at 32"
            )
        logger = config["trainer"]["logger"]
        if str(getattr(logger, "class_path", "")).rpartition(".")[2] in FILE_LOGGERS:
            where = log_folder(config, self._run_name, self.config["subcommand"])
            logger["init_args"]["name"], logger["init_args"]["version"] = "", where
        self._size(config)
        if config["steps"] is not None:
            config["model"]["init_args"]["steps"] = config["steps"]

    def _size(self, config: Namespace) -> None:
        """Take the preset's settings, or those that the checkpoint was trained with."""
        given = self.parser.parse_args(self._words, defaults=False)[self.config["subcommand"]]
        if self._content is not None:
            keep_stored(config, given, self._content)
            if any(given_flag(self._words, flag) for flag in ("--minutes", "--preset")):
                self._sized = ["--minutes and --preset do not change a run that goes on; --steps does"]
            if self.config["subcommand"] == "fit" and given.get("steps") is None:
                self._minutes = minutes_to_follow(Path(config["ckpt_path"]), self._content)
        elif self.config["subcommand"] == "fit":
            self._sized, self._minutes = size_run(config, given, self._words)

    def _store_steps(self, steps: int) -> None:
        """Write down how many steps the time allows for."""
        config = self._given()
        config["steps"] = config["model"]["init_args"]["steps"] = steps
        file = Path(str(self.trainer.log_dir)) / RUN_SETTINGS
        if self.trainer.is_global_zero and file.is_file():
            self._parser("fit").save(config, file, skip_none=False, overwrite=True)

    def _set_seed(self) -> None:
        """Refuse a seed that numpy does not take, in one line."""
        try:
            super()._set_seed()
        except (ValueError, OverflowError) as error:
            raise InputError(f"--seed-everything: {error}") from error

    def instantiate_classes(self) -> None:
        """Constructors' complaints in one line: jsonargparse wraps them."""
        try:
            super().instantiate_classes()
        except (ValueError, MisconfigurationException) as error:
            raise InputError(essence(str(error))) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add the callbacks that every run has."""
        settings = self._given()["trainer"]
        wants_bar = settings["enable_progress_bar"] is not False
        ours: dict[str, Any] = {"enable_checkpointing": False, "enable_progress_bar": False}
        if settings["strategy"] == "auto" and self._processes(settings) > 1:
            ours["strategy"] = SEVERAL_PROCESSES
        folder = None
        if self.subcommand == "validate":
            self.save_config_callback = None  # it writes nothing
            ours |= {} if given_flag(self._words, "--trainer.logger") else {"logger": False}
        elif not settings["fast_dev_run"]:
            root, name = Path(settings["default_root_dir"]), free_name(self._given(), self._run_name)
            folder = str(root / name)
            if settings["logger"] in (None, True):  # Lightning's own leaves a folder lightning_logs
                ours["logger"] = TensorBoardLogger(str(root), name="", version=name)
        trainer = super().instantiate_trainer(**ours, **kwargs)
        assert isinstance(trainer, RunTrainer)
        trainer.run_folder = folder
        bar = [StepProgress(folder and Path(folder).name)] * wants_bar
        validation, checkpoints = watching(self._given(), str(trainer.strategy.root_device))
        self._judges = validation.judges
        pace = [] if self._minutes is None else [Pace(self._minutes, self._store_steps, tell)]
        ours_always = [*pace, validation, checkpoints, StopAfterSteps(), StopOnInterrupt(), *bar]
        trainer.callbacks.extend(ours_always)  # type: ignore[attr-defined]  # Lightning's connector sets it
        return trainer

    def _given(self) -> Namespace:
        config: Namespace = self.config[self.config["subcommand"]]
        return config

    def trusted(self) -> tuple[str, ...]:
        """Return the modules that flags and recipes trust."""
        named = self._given()["trust"]
        return (named,) if isinstance(named, str) else tuple(named)

    def device_words(self) -> list[str]:
        """Return the flag by which other commands run where this one was told to run; none where it was not told."""
        accelerator = str(self._given()["trainer"]["accelerator"])
        return ["--device", accelerator] if accelerator in get_args(DeviceName)[1:] else []

    @staticmethod
    def _processes(settings: Namespace) -> int:
        """How many processes Lightning makes of these devices: it alone knows what ``auto`` finds."""
        asked = {name: settings[name] for name in ("accelerator", "devices", "num_nodes")}
        return Trainer(**asked, logger=False, enable_checkpointing=False, enable_progress_bar=False).world_size

    def before_fit(self) -> None:
        """Read the data and what the method needs first: what is wrong there must not leave a run's folder behind."""
        self._prepare("fit")

    def before_validate(self) -> None:
        """The same."""
        self._prepare("validate")

    def _prepare(self, stage: str) -> None:
        self.datamodule.prepare_data()
        self.datamodule.setup(stage)
        if isinstance(self.datamodule, UnpairedImages) and min(size := self.datamodule.training_size) < PATCH:
            least = f"{PATCH}x{PATCH} is the least"
            small = f"training images of {size[0]}x{size[1]} (height x width) are too small, {least}"
            side, image = self.datamodule.smallest_image()
            if side >= PATCH or self.datamodule.resize:
                raise InputError(f"--data.{'crop' if side >= PATCH else 'resize'}: {small}")
            raise InputError(f"{image}: {small}; leave it and others like it out, or give --data.resize")
        if isinstance(self.datamodule, UnpairedImages) and isinstance(self.model, Method):
            self.model.is_new_run = not self._given().get("ckpt_path")
            self.model.prepare(stage, self.datamodule)
            if self._judges is not None:
                require_judged(self._judges, self.model, self.datamodule, self._given()["label_error_bound"])
            if stage == "fit" and self._content is not None:
                stored = self._content["refine"]
                try:
                    self.model.require_same_run(stored, self.trainer.world_size)
                except InputError as error:
                    raise InputError(f"{self._given()['ckpt_path']}: {error}") from error
                done = stored["steps_done"] >= self.model.steps
                tell(f"{self._given()['ckpt_path']}: going on")
                tell(f"resumed at step {stored['steps_done']}{', its last: --steps N trains on' if done else ''}")
        for line in self._sized:
            tell(line)

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
            config["ckpt_path"] = latest(config, self._run_name)
            if config["ckpt_path"] is None:
                tell("no run to go on with: a new one begins")
        path = config.get("ckpt_path")
        if not path:
            return
        content = read_checkpoint(Path(path))
        self._content = content
        if self.config["subcommand"] == "fit":
            self._stored_optimizers = require_training_state(Path(path), content)
        allowed_class(Path(path), content["refine"].get("class_path"), self.trusted())
