"""Folders of runs: their names, the latest of them, and the settings beside a checkpoint.

Nothing heavy is imported: these are asked before a training begins, too.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from refine.errors import InputError
from refine.files import cut
from refine.recipes import RUN_SETTINGS
from refine.yaml_text import read_yaml

if TYPE_CHECKING:
    from jsonargparse import Namespace

RUNS = "checkpoints"
"""Where runs are written by default, in the current folder."""
LOGGERS = frozenset(f"lightning.pytorch.loggers.{part}" for part in ("TensorBoardLogger", "CSVLogger"))
"""Classes of others that such settings may name."""
PATHS = frozenset({"default_root_dir"})
"""Settings of the trainer whose texts name no class."""


def free_name(config: "Namespace", default: str) -> str:
    """Return the name of the run's folder: the one asked for, that of the resumed run, or the first free one.

    Args:
        config: The run's settings.
        default: Name where none is asked for; with a number from the second run on.

    Raises:
        InputError: If the folder that is asked for holds another run.
    """
    root = Path(config["trainer"]["default_root_dir"])
    resumed = Path(config["ckpt_path"]).resolve().parent if config["ckpt_path"] else None
    if config["run"]:
        require_name(config["run"])
        if (root / config["run"]).resolve() != resumed:
            require_no_last(root / config["run"])
        return str(config["run"])
    if resumed is not None and resumed.parent == root.resolve():
        return resumed.name  # a resumed run goes on in its own folder
    return next(folder.name for folder in _numbered(root / default) if not folder.exists())


def require_name(name: str) -> None:
    """Refuse a run's name that leads out of the folder of runs.

    Raises:
        InputError: If it does.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise InputError(f"--run {name}: leads out of the folder of runs; --trainer.default-root-dir names another one")


def require_no_last(folder: Path) -> None:
    """Refuse the folder of a run for another one.

    Raises:
        InputError: If it has a last checkpoint.
    """
    if (folder / "last.ckpt").exists():
        raise InputError(f"{folder}: holds a run already; go on with it (--resume), or name another --run")


def log_folder(config: "Namespace", default: str, command: str) -> str:
    """Return the folder of a logger that writes files, in the logger's own: the run's.

    Where the run has a table already, which a CSV logger would delete, it is a folder ``version_N`` in it; of
    `validate`, one beside the run.

    Args:
        config: The run's settings.
        default: Name where none is asked for.
        command: ``fit`` or ``validate``.
    """
    root = Path(config["trainer"]["logger"]["init_args"]["save_dir"])
    if command == "validate":
        run = Path(config["ckpt_path"]).resolve().parent.name if config["ckpt_path"] else default
        return next(folder.name for folder in _numbered(root / f"{run}-validate") if not folder.exists())
    run = free_name(config, default)
    folders = itertools.chain([run], (f"{run}/version_{number}" for number in itertools.count(1)))
    return next(folder for folder in folders if not (root / folder / "metrics.csv").exists())


def latest(config: "Namespace", default: str) -> str | None:
    """Return the last checkpoint of the run that is asked for, or of the latest one of that default name."""
    root = Path(config["trainer"]["default_root_dir"])
    folders = [root / (config["run"] or default)]
    if not config["run"]:
        folders += itertools.takewhile(Path.exists, itertools.islice(_numbered(root / default), 1, None))
    found = [folder / "last.ckpt" for folder in folders if (folder / "last.ckpt").is_file()]
    return str(found[-1]) if found else None


def latest_of_all(root: Path, name: str | None) -> Path:
    """Return the last checkpoint of the run of this name, or of the one that was written last.

    Raises:
        InputError: If there is none, or its settings do not lie beside it.
    """
    folders = root.glob("*/") if name is None else [root / name]
    found = [folder / "last.ckpt" for folder in folders if (folder / "last.ckpt").is_file()]
    whole = [file for file in found if (file.parent / RUN_SETTINGS).is_file()]
    if not whole:
        where = root if name is None else root / name
        raise InputError(f"{where}: no run to go on with; name its folder (--run NAME), or a method to begin one (-c)")
    return max(whole, key=lambda file: file.stat().st_mtime)


def settings_beside(checkpoint: Path, trusted: Sequence[str]) -> Path:
    """Return the settings of a checkpoint's run, which nobody named: such ones may not import code of others.

    Raises:
        InputError: If they name classes other than ours and those of trusted modules, or cannot be read.
    """
    file = checkpoint.parent / RUN_SETTINGS
    found = read_yaml(file)
    parts = {name: found.get(name) or {} for name in ("model", "data", "trainer")}
    others = [str(value) for value in parts.values() if not isinstance(value, dict)]  # another file, or a class
    others += [str(name) for name in found if "." in str(name)]
    trainer = parts["trainer"] if isinstance(parts["trainer"], dict) else {}
    settings = [parts["model"], parts["data"], *(value for name, value in trainer.items() if name not in PATHS)]
    allowed = tuple(f"{module}." for module in ("refine", *trusted))
    named = [name for value in settings for name in _classes(value, file.parent)]
    others += [name for name in named if not name.startswith(allowed) and name not in LOGGERS]
    trust = found.get("trust") or []
    others += [str(module) for module in ([trust] if isinstance(trust, str) else trust) if module not in trusted]
    if others:
        raise InputError(
            f"{file}: names {cut(others[0])}, which is not part of refine; if you trust it, give -c {file}"
        )
    return file


def _classes(value: object, folder: Path) -> Iterator[str]:
    """Classes and files that a setting names: texts that can be either, and each ``class_path`` of dictionaries."""
    if isinstance(value, str):
        is_file = Path(value).exists() or (folder / value).exists()
        yield from [value] if is_file or "." in value or "/" in value else []
    elif isinstance(value, list):
        for each in value:
            yield from _classes(each, folder)
    elif isinstance(value, dict):
        arguments = value.get("init_args") or {}
        yield from [str(value["class_path"])] if value.get("class_path") else []
        yield from [] if isinstance(arguments, dict) else [str(arguments)]
        for each in value.values():  # other texts are values of arguments
            for part in each if isinstance(each, list) else [each]:
                yield from _classes(part, folder) if isinstance(part, dict) else []


def _numbered(folder: Path) -> Iterator[Path]:
    """Yield a run's folder, and those of the same name with a number."""
    yield folder
    yield from (folder.with_name(f"{folder.name}-{number}") for number in itertools.count(2))
