"""Checks of command lines before torch and Lightning are imported, which takes seconds."""

import argparse
import ast
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from refine.errors import NO_TASK, InputError
from refine.files import is_archive, read_file
from refine.options import flag_name, flag_of, meant, spelled
from refine.recipes import find_recipe
from refine.training.options import ONE_LENGTH, FitOptions
from refine.training.runs import RUNS, latest_of_all, require_name, require_no_last
from refine.yaml_text import read_yaml

CODE = Path(__file__).parents[1]
WRITTEN_OPTIONS = frozenset({"output"})
"""Options whose path need not be there."""
OPTIONS_SUFFIXES = frozenset({".yaml", ".yml"})
"""Suffixes of files of a layout's options; whoever reads them says what is wrong."""

LIGHTNING_FLAGS = ("c", "config", "data", "model", "trainer", "seed_everything", "ckpt_path", "print_config", "verbose")
FIT_FLAGS = {each.name: flag_of(each.type)[0] for each in fields(FitOptions)}
"""Types of our own flags of `fit` and `validate`; the parser has them all, after Lightning's import."""
SIZE_FLAGS = frozenset({"data.crop", "data.resize", "data.real_resize"})
SIZE_PATTERN = r"null|0*[1-9]\d*(x0*[1-9]\d*)?|\[\s*0*[1-9]\d*\s*,\s*0*[1-9]\d*\s*\]"
NUMBERS = {"int": int, "int | None": int, "float": float, "float | None": float}
OTHER_NUMBERS = re.compile(r"[-+]?(0[xo]\w+|\.(inf|nan)|\d+(:\d+)+)|~|null", re.IGNORECASE)
"""Further ways in which YAML writes numbers, and none."""
ABOVE_ZERO = frozenset({"steps", "minutes"})
MODEL_FILE_FLAGS = ("model.task", "model.start", "model.pretrained", "model.init_args.task", "model.init_args.start")
READ_FLAGS = ("data.synthetic", "data.real", "ckpt_path", "judge", "validation_weights", *MODEL_FILE_FLAGS)
"""Flags of `fit` and `validate` that name what must be there."""


def require_paths(args: argparse.Namespace, given: Sequence[str]) -> None:
    """Look whether every file and folder is there that a parsed command line, given in these words, is to read.

    Raises:
        InputError: With the first that is not.
    """
    for name, value in vars(args).items():
        flag = flag_name(name)
        if name not in WRITTEN_OPTIONS:
            for path in _paths(value):
                require_there(path, flag if any(word.partition("=")[0] == flag for word in given) else "")
                if name == "checkpoint":
                    require_checkpoint(path)
        if name in {"layout", "real_layout"} and isinstance(value, str):
            require_layout(value, flag)


def require_layout(name: str, flag: str) -> None:
    """Refuse a layout that is neither a name, nor a file of options."""
    files = sorted((CODE / "data" / "layouts").glob("*.py"))
    known = [found for file in files for found in re.findall(r'^    name = "(.+)"$', read_file(file).decode(), re.M)]
    if name != "auto" and name not in known and not Path(name).exists() and Path(name).suffix not in OPTIONS_SUFFIXES:
        others = f"; expected auto, one of {', '.join(sorted(known))}, or options in a YAML file"
        raise InputError(f"{flag} {name}: no such layout{meant(name, known) or others}")


def require_checkpoint(path: Path) -> None:
    """Refuse a file that begins like no checkpoint, and a folder that is no bundle."""
    if path.is_file():
        if not is_archive(path):
            raise InputError(f"{path}: not a checkpoint (or a damaged one); expected a .ckpt that `refine fit` wrote")
    elif path.is_dir() and not (path / "model.yaml").is_file():
        there = " or ".join(str(file) for file in (path / "best.ckpt", path / "last.ckpt") if file.is_file())
        found = f"the folder of a run; give one of its checkpoints: {there}" if there else "not a bundle"
        raise InputError(f"{path}: {found}")


def require_there(path: Path, flag: str) -> None:
    """Refuse a path where nothing is, and an empty folder; the flag, where it was given, is named."""
    said = f" ({flag})" if flag else ""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder{said}")
    if path.is_dir() and not any(path.iterdir()):
        raise InputError(f"{path}: an empty folder{said}")


def _paths(value: Any) -> Iterator[Path]:
    """Yield the paths in a flag's value."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _paths(each)


def require_fit(args: Sequence[str]) -> None:
    """Look at the command line of `fit` or `validate`: recipes, paths, and names of arguments.

    What cannot be told without importing the classes is left to the parser.

    Raises:
        InputError: With the first thing that is wrong.
    """
    given = list(_flags(args[1:]))
    if {"help", "h", "print_config"} & {name for name, _ in given} or any(".help" in name for name, _ in given):
        return
    recipes = [find_recipe(value) for name, value in given if name in {"c", "config"} and value is not None]
    contents = [read_yaml(recipe) for recipe in recipes]
    for name, value in given:
        if name in READ_FLAGS and value is not None and not value.startswith(("[", "{")):
            require_there(Path(value), flag_name(name))
            if name in {"ckpt_path", "judge"}:
                require_checkpoint(Path(value))
        if name in {"data.layout", "data.real_layout"} and value is not None and not value.startswith("{"):
            require_layout(value, flag_name(name))
    _require_values(given)
    named = {name for name, _ in given}
    method = bool(recipes or named & {"model", "model.class_path"})
    alone = not method and "resume" in named and "ckpt_path" not in named  # then a run says the rest
    about = sorted(name for name in named if name.startswith(("data", "model")))
    fits = args[0] == "fit"
    if fits and alone and about:
        also = "name the method as well (-c), so that the right run goes on"
        raise InputError(f"--resume and {flag_name(about[0])}: {also}")
    if fits:
        _require_run(dict(given), contents, alone)
    elif not method and "ckpt_path" not in named:
        raise InputError("which checkpoint? Name one, such as --ckpt-path checkpoints/RUN/best.ckpt")
    begins = fits and not alone
    if begins and not method:
        raise InputError("which method? Name a recipe, such as -c simgan; `refine recipes` lists them")
    classes = {
        name: [path for part in _parts(contents, name) if isinstance(path := part.get("class_path"), str)]
        for name in ("model", "data")
    }
    if begins and not any("data" in content for content in contents) and not named & {"data", "data.class_path"}:
        for name in READ_FLAGS[:2]:
            if name not in named and f"data.init_args.{name.partition('.')[2]}" not in named:
                raise InputError(f"{flag_name(name)} is missing; name the folder, or a recipe that does (-c)")
    if classes["model"]:
        _require_arguments(given, "model", classes["model"])
        other = bool(named & {"resume", "ckpt_path", "model", "model.class_path"})
        if fits and not other and classes["model"][-1].rpartition(".")[2] == "CyCADA":
            arguments = [model.get("init_args") for model in _parts(contents, "model")]
            said = any(isinstance(each, dict) and each.get("task") for each in arguments)
            if not said and not {"model.task", "model.init_args.task"} & named:
                raise InputError(NO_TASK)
    if not classes["data"]:
        _require_arguments(given, "data", ["refine.data.UnpairedImages"])
    data = (part.get("init_args", part) for part in _parts(contents, "data"))
    settings = {str(name) for arguments in data if isinstance(arguments, dict) for name in arguments}
    if fits and not any(name.endswith("real_layout") for name in named | settings):
        model = dict(given).get("model") or dict(given).get("model.class_path") or ["", *classes["model"]][-1]
        _require_apart(given, model)


def _require_run(last: Mapping[str, str | None], recipes: Sequence[Mapping[str, Any]], alone: bool) -> None:
    """Look for the run that is to go on, ``alone`` if it says what the flags do not, or that would be overwritten."""
    goes_on = any({"resume", "ckpt_path"} & set(map(str, names)) for names in (last, *recipes))
    if "minutes" in last and {"steps", "model.steps", "model.init_args.steps"} & set(last) and not goes_on:
        raise InputError(ONE_LENGTH)
    root, name = Path(last.get("trainer.default_root_dir") or RUNS), last.get("run")
    require_name(name or "")
    if alone:
        latest_of_all(root, name)
    trainers = [content.get("trainer") or {} for content in recipes]
    elsewhere = "trainer" in last or any(not isinstance(each, dict) or "default_root_dir" in each for each in trainers)
    if name and not elsewhere and not goes_on:
        require_no_last(root / name)


def _require_apart(given: Sequence[tuple[str, str | None]], model: str) -> None:
    """Refuse one folder on both sides, where flags name both; a task model looks at the synthetic side alone."""
    last = {name.replace("init_args.", ""): value for name, value in given}
    synthetic, real = last.get("data.synthetic"), last.get("data.real")
    if synthetic and real and model.rpartition(".")[2] != "Task" and Path(synthetic).resolve() == Path(real).resolve():
        raise InputError(f"{real}: is --data.synthetic, too; name the folder of the real images (--data.real)")


def _require_values(given: Sequence[tuple[str, str | None]]) -> None:
    """Hold names of flags, numbers and choices against those that there are.

    Raises:
        InputError: With the first that is none.
    """
    known = sorted([*LIGHTNING_FLAGS, *FIT_FLAGS])
    for name, value in given:
        flag, kind = flag_name(name), FIT_FLAGS.get(name)
        if name.partition(".")[0] not in known:
            near = meant(flag.partition(".")[0], list(map(flag_name, known)))
            raise InputError(f"{flag}: no such flag{near} (see refine fit --help)")
        if name in SIZE_FLAGS and value is not None and not re.fullmatch(SIZE_PATTERN, value):
            raise InputError(f"{flag} is {value!r}; expected a height and a width, such as 48x100")
        if value is None or kind is None:
            continue
        if get_origin(kind) is Literal and value not in get_args(kind):
            raise InputError(f"{flag} is {value!r}; expected one of {', '.join(get_args(kind))}")
        if kind in (int, float):
            number = _require_number(flag, value, kind)
            if name in ABOVE_ZERO and not 0 < number < float("inf"):
                raise InputError(f"{flag} is {number:g}; expected more than 0")


def _require_number(flag: str, value: str, kind: type) -> float:
    try:
        return float(kind(value))
    except ValueError:
        if OTHER_NUMBERS.fullmatch(value):  # whoever takes it says more
            return math.nan
        expected = "a whole number" if kind is int else "a number"
        raise InputError(f"{flag} is {value!r}; expected {expected}") from None


def _flags(args: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Yield names of flags, as settings have them, with their values; None where there is none."""
    args, place = spelled(args, "_"), 0
    while place < len(args):
        name, equals, value = args[place].partition("=")
        place += 1
        if not name.startswith("-"):
            continue
        following = place < len(args) and not re.match(r"--|-[a-zA-Z]", args[place])
        if not equals and name.startswith("-c") and not name.startswith("--") and name != "-c":
            yield "c", name[2:]
        elif equals or not following:
            yield name.lstrip("-"), value if equals else None
        else:
            yield name.lstrip("-"), args[place]
            place += 1


def _parts(contents: Sequence[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return what recipes say of the method or of the data."""
    return [part for content in contents if isinstance(part := content.get(name), dict)]


def _require_arguments(given: Sequence[tuple[str, str | None]], part: str, classes: Sequence[str]) -> None:
    """Hold flags such as ``--model.features`` against the constructor's arguments.

    Raises:
        InputError: If there is no such argument.
    """
    name = classes[-1].rpartition(".")[2]
    known = _arguments(name)
    for flag, value in given:
        first, dot, argument = flag.partition(".")
        argument = argument.removeprefix("init_args.")
        if first != part or not dot or not known or argument in {"class_path", "init_args"}:
            continue
        if argument in known:
            if value is not None and known[argument] in NUMBERS:
                _require_number(flag_name(flag), value, NUMBERS[known[argument]])
            continue
        if "." in argument or "+" in argument:
            continue
        ends = [each for each in sorted(known) if each.endswith(f"_{argument}")]
        hint = f"; did you mean {' or '.join(ends)}?" if ends else meant(argument, sorted(known))
        told = f"{name} has no argument {argument}{hint}".replace("_", "-")
        raise InputError(f"{flag_name(flag)}: {told} (refine fit --{part}.help {name})")


@cache
def _arguments(name: str) -> dict[str, str]:
    """Return a class's arguments with their types, from its source; empty where it is not one of ours."""
    for room in ("methods", "data", "simulators"):
        for file in sorted((CODE / room).glob("*.py")):
            text = read_file(file).decode()
            if f"class {name}(" not in text:
                continue
            for node in ast.parse(text).body:
                if isinstance(node, ast.ClassDef) and node.name == name:
                    return _arguments_of(node)
    return {}


def _arguments_of(node: ast.ClassDef) -> dict[str, str]:
    """Arguments of a constructor; without one, annotated attributes with a value, as methods have them."""
    found: dict[str, str] = {}
    for base in node.bases:
        found |= _arguments(base.id) if isinstance(base, ast.Name) else {}
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            taken = each.args.args[1:] + each.args.kwonlyargs
            return {argument.arg: ast.unparse(argument.annotation) if argument.annotation else "" for argument in taken}
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.value is not None:
            kind = ast.unparse(each.annotation)
            if isinstance(each.value, ast.Call) or kind.startswith("ClassVar"):
                found.pop(each.target.id, None)
            else:
                found[each.target.id] = kind
    return found
