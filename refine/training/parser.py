"""How `refine fit` reads its flags and recipes: LightningCLI's parser, with bounds on YAML and on files.

Jsonargparse parses YAML in every value and reads files behind many of them, in recipes too. What loads these texts and
what reads the files is replaced here.
"""

import json
import pathlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NoReturn
from unittest import mock

import yaml
from jsonargparse import Path as ContextPath  # type: ignore[attr-defined]  # documented, not in its __all__
from jsonargparse import get_loader, set_loader
from lightning.pytorch.cli import LightningArgumentParser

from refine.errors import InputError
from refine.files import cut, read_file, why
from refine.methods.checkpoint import allowed_class, read_checkpoint, require_no_run
from refine.options import with_dashes
from refine.recipes import RUN_SETTINGS, find_recipe
from refine.training.runs import RUNS, latest_of_all, settings_beside
from refine.yaml_text import read_yaml, require_plain_yaml

MODE = "refine"
"""Name of our loader."""

READ = "read_text" if hasattr(ContextPath, "read_text") else "get_content"
"""Method of jsonargparse's paths that reads a file; its name was the latter up to 4.48."""

LINKED = "Linked arguments"
"""Title of a group that says nothing to people."""

USAGE = """refine fit -c METHOD --data.synthetic DIR --data.real DIR [--minutes N] [--run NAME] [...]
       refine fit -c METHOD -c DATASET [...]
       refine fit --resume"""
ABOUT = """Trains a method on a pair of datasets. METHOD and DATASET are recipes: files, or names that `refine recipes`
lists. All arguments of a method: --model.help SimGAN; of the data: --data.help UnpairedImages; Lightning's:
--trainer.help. Any of them is a flag, such as --model.features 32 or --data.crop 64x64."""
VALIDATE_USAGE = "refine validate --ckpt-path FILE [-c METHOD -c DATASET] [...]"
TITLES = {"--data": "data", "--model": "method", "--ckpt_path": "a run to go on with"}
VALIDATE_TITLES = {**TITLES, "--ckpt_path": "checkpoint"}
"""Titles of groups of flags that jsonargparse takes from docstrings, by a flag in them."""
CKPT_HELP = "checkpoint to measure, or to go on from (--resume finds the last one of a run by itself)"

FILE_LOGGERS = {"CSVLogger", "TensorBoardLogger"}
"""Lightning's loggers of which each run has a folder."""
SIZES = {"crop", "resize", "real_resize"}
"""Last words of flags that take a height and a width."""

KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text", "tuple": "a list"}
"""Words for types of Python."""

HINT = " (see refine fit --help, or --model.help CLASS)"


class OneLineParser(LightningArgumentParser):
    """Says what is wrong in one line instead of pages of usage, and reads no more than a recipe needs."""

    shows_trainer = False
    """Whether the help is that of Lightning's flags."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        set_loader(MODE, _load, (yaml.YAMLError,))
        super().__init__(*args, **{"parser_mode": MODE, "allow_abbrev": False, **kwargs})

    def parse_args(self, *args: Any, **kwargs: Any) -> Any:
        """Parse with bounded reading of files."""
        with _reading_bounded():
            return super().parse_args(*args, **kwargs)

    def format_help(self, *args: Any, **kwargs: Any) -> str:
        """Put what people ask for first: data, model, our own flags; Lightning's on ``--trainer.help`` alone."""
        groups = self._action_groups
        data, model, trainer = (self._group_with(flag) for flag in ("--data", "--model", "--trainer"))
        if trainer:
            others = [group for group in groups if group not in [*data, *model, *trainer] and group.title != LINKED]
            self._action_groups = trainer if self.shows_trainer else [*data, *model, *others]
            self.usage = VALIDATE_USAGE if "validate" in self.prog else USAGE
            self.description = None if self.shows_trainer or "validate" in self.prog else ABOUT
            for flag, title in (VALIDATE_TITLES if "validate" in self.prog else TITLES).items():
                for group in self._group_with(flag):
                    group.title, group.description = title, None
                    for action in group._group_actions:
                        action.help = CKPT_HELP if "--ckpt_path" in action.option_strings else action.help
        text = with_dashes(str(super().format_help(*args, **kwargs)))
        self._action_groups = groups
        return text

    def _group_with(self, flag: str) -> list[Any]:
        groups = self._action_groups
        return [group for group in groups if any(flag in action.option_strings for action in group._group_actions)]

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise `InputError` with what matters of jsonargparse's message."""
        raise InputError(essence(message).removesuffix(HINT) + HINT) from ex  # nested parsers add theirs


def essence(message: str) -> str:
    """Jsonargparse's message in one line; of a value of the wrong type the flag, the value, and what is expected."""
    return with_dashes(_essence(message))


def _essence(message: str) -> str:
    keys = ".".join(re.findall(r'Parser key "([\w.]+)":', message))
    found = re.findall(r"Given value: (?!NestedArg)(.+)|Got value: (.+?)(?: \(see .*)?$", message, re.MULTILINE)
    expected = re.findall(r"Expected an? (.+?)(?:\. Got value: .*)?$", message, re.MULTILINE)
    kinds = list(dict.fromkeys(_kind(kind, keys) for kind in expected if "NoneType" not in kind))
    if inner := re.search(r"- --([\w.-]+ is .+; expected .+?)(?: \(see .*)?$", message, re.MULTILINE):
        return f"--{keys}.{inner[1]}"  # what was said of a part
    if other := re.search(r"Option '([\w.]+)' is not accepted", message):
        return f"--{keys}.{other[1]}: no such argument" if keys else message
    value = "".join(found[0]).removesuffix(HINT) if found else ""
    if keys and kinds and value and not value.startswith("Namespace("):
        return f"--{keys} is {cut(value)}; expected {' or '.join(kinds)}"
    noise = ("Does not validate", "Subtypes:", "Errors:", "Given value", "- Expected a <class 'NoneType'>")
    lines = (line.strip() for line in message.splitlines())
    return " ".join(line.removeprefix("- ") for line in lines if line and not line.startswith(noise))


def _kind(expected: str, key: str) -> str:
    """Return the type of an argument, as jsonargparse writes it, in people's words."""
    if choices := re.fullmatch(r"typing\.Literal\[(.+)\]", expected):
        return "one of " + choices[1].replace("'", "")
    name = re.sub(r"<class '(.+)'>", r"\1", expected)
    if name == "tuple" and key.rpartition(".")[2] in SIZES:
        return "a height and a width, such as 48x64"
    return KINDS.get(name, name)


def _load(text: str) -> Any:
    """Load YAML as jsonargparse does, for which ``1e-4`` is a number."""
    try:
        require_plain_yaml(text)
    except ValueError as error:
        raise yaml.YAMLError(str(error)) from error
    return get_loader("yaml")(text)


@contextmanager
def _reading_bounded() -> Iterator[None]:
    """Replace what no setting of jsonargparse reaches: how it reads files, and YAML where a number is expected."""
    loader: Any = get_loader("yaml")
    with (
        mock.patch.object(ContextPath, READ, _read),
        mock.patch.dict(loader.__globals__, {loader.__name__: _load}),
    ):
        yield


def _read(path: Any, *mode: str) -> str:
    file = pathlib.Path(path.absolute)
    try:
        text = read_file(file).decode()
        require_plain_yaml(text)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as YAML ({why(error)})") from error
    return text


def with_sizes(args: list[str]) -> list[str]:
    """Take ``48x100`` as a height and a width, and ``48`` as both, where the parser knows lists alone."""
    found: list[str] = []
    for arg in args:
        flag, equals, value = arg.rpartition("=")
        named = (flag if equals else (found or [""])[-1]).rpartition(".")[2] in SIZES
        size = re.fullmatch(r"(\d+)(?:x(\d+))?", value) if named else None
        found.append(f"{flag}{equals}[{size[1]},{size[2] or size[1]}]" if size else arg)
    return found


def with_judges(args: list[str]) -> list[str]:
    """Take several ``--judge`` as one list: of a flag that stands twice, the parser would take the last."""
    found, kept, given = [], [], iter(args)
    for arg in given:
        flag, equals, value = arg.partition("=")
        if flag != "--judge":
            kept.append(arg)
        elif (value := value if equals else next(given, "")) != "":
            found.append(value)
    return args if len(found) < 2 else [*kept, f"--judge={json.dumps(found)}"]


def with_config(args: list[str]) -> list[str]:
    """Take from the run what no recipe says: of `validate` its settings, of `fit --resume` the last checkpoint, too.

    Raises:
        InputError: If that run is not there, its settings are not, or they name code of others.
    """
    words = [word for arg in args for word in arg.split("=", 1)]
    enough = {"--config", "--model", "--model.class_path", "--help", "-h"}
    if any(word.startswith("-c") or word in enough for word in words):
        return args
    trusted = tuple(word for flag, word in pairwise(words) if flag == "--trust")
    if args[0] == "fit" and "--resume" in words and "--ckpt_path" not in words:
        root, name = (
            words[words.index(flag) + 1] if flag in words[:-1] else default
            for flag, default in (("--trainer.default_root_dir", RUNS), ("--run", None))
        )
        last = latest_of_all(pathlib.Path(str(root)), name)
        return ["fit", "-c", str(settings_beside(last, trusted)), "--ckpt_path", str(last), *args[1:]]
    if args[0] != "validate" or "--ckpt_path" not in words[:-1]:
        return args
    checkpoint = pathlib.Path(words[words.index("--ckpt_path") + 1])
    if not checkpoint.is_file():
        require_no_run(checkpoint)
        raise InputError(f"{checkpoint}: no such checkpoint; give a .ckpt file of a run")
    if (checkpoint.parent / RUN_SETTINGS).is_file():
        return [args[0], "-c", str(settings_beside(checkpoint, trusted)), *args[1:]]
    if not all(any(word.startswith(f"--data.{side}") for word in words) for side in ("synthetic", "real")):
        raise InputError(
            f"{checkpoint}: no {RUN_SETTINGS} of its run lies beside it; name the data (--data.synthetic, --data.real)"
        )
    stored = read_checkpoint(checkpoint)["refine"]
    named = allowed_class(checkpoint, stored.get("class_path"), trusted)
    arguments = stored.get("init_args")
    channels = arguments.get("channels") if isinstance(arguments, dict) else None
    said = type(channels) is not int or "--data.channels" in words
    settings = [] if said else [f"--data.channels={channels}"]
    return [args[0], "--model", f"{named.__module__}.{named.__qualname__}", *settings, *args[1:]]


def with_logger(args: list[str]) -> list[str]:
    """Let a logger that writes files write where runs are, unless a flag says another folder."""
    words = [word for arg in args for word in arg.split("=", 1)]
    named = [value for flag, value in pairwise(words) if flag in {"--trainer.logger", "--trainer.logger.class_path"}]
    writes = bool(named) and named[-1].rpartition(".")[2] in FILE_LOGGERS
    if not writes or any("logger.save_dir" in word for word in words):
        return args
    roots = [value for flag, value in pairwise(words) if flag == "--trainer.default_root_dir"]
    return [*args, f"--trainer.logger.save_dir={(roots or [RUNS])[-1]}"]


def with_recipes(args: list[str]) -> tuple[list[str], list[str]]:
    """Replace recipes' names by their files; the names without folder and suffix name the run.

    Raises:
        InputError: If there is no such recipe, or it is not plain YAML (see `read_yaml`).
    """
    resolved, names, expect = [], [], False
    for arg in args:
        if arg.startswith("-c") and not arg.startswith("-c="):  # without a space
            arg = f"-c={arg[2:]}" if arg[2:] else arg
        flag, equals, value = arg.partition("=")
        if expect or (flag in {"-c", "--config"} and equals):
            path = find_recipe(arg if expect else value)
            read_yaml(path)  # now, since `OneLineParser` would say the same with more words
            names.append(path.stem)
            arg = str(path) if expect else f"{flag}={path}"
        expect = not expect and arg in {"-c", "--config"}
        resolved.append(arg)
    return resolved, names
