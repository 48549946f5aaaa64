"""Options of a command: a frozen dataclass of its room, from which its flags, its recipe and the commands that reports
print are derived.

A field is a flag: ``batch_size`` is ``--batch-size``, its default is the flag's, and the docstring below it is the
flag's help. The docstring of the class is that of the command. What the type of a field does not say of how it is typed
stands in a `Flag`: ``input: Annotated[Path, Flag("DIR")]``.
"""

import argparse
import ast
import difflib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from itertools import pairwise
from pathlib import Path, PurePath
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

Options = TypeVar("Options")


class Flag(NamedTuple):
    """Form of a field on the command line."""

    metavar: str | None = None
    read: Callable[[str], Any] | None = None
    """Makes the value from its text; None: the type of the field does."""
    many: Literal["again", "words"] | None = None
    """Values of a tuple follow a flag each, or all follow one; None: ``read`` makes the tuple from one text."""
    between: str = ","
    """Separator of the parts of a tuple that is typed as one word."""
    choices: tuple[str, ...] = ()
    """All values, of a text that the type does not hold to them."""
    positional: bool = False
    help: str = ""
    """Help where no docstring stands below the field, for flags that several commands share."""


def add_flags(parser: argparse.ArgumentParser, options: type[Any], required: bool = True) -> None:
    """Add the flags of a command; a parsed command line holds those alone that were given.

    Args:
        parser: The command's.
        options: The dataclass.
        required: Whether fields without a default have to be given.
    """
    texts = help_texts(options)
    for field in fields(options):
        kind, flag = flag_of(field.type)
        more: dict[str, Any] = {"help": _with_default(texts[field.name], field.default), "default": argparse.SUPPRESS}
        if not flag.positional:
            more["required"] = required and field.default is MISSING
        if kind is bool:
            more["action"] = "store_true" if field.default is False else argparse.BooleanOptionalAction
        else:
            one = get_args(kind)[0] if flag.many else kind
            choices = get_args(one) if get_origin(one) is Literal else flag.choices or None
            more |= {"choices": choices, "type": flag.read or (str if choices else one), "metavar": flag.metavar}
            more |= {"again": {"action": "append"}, "words": {"nargs": "+"}, None: {}}[flag.many]
        parser.add_argument(field.name if flag.positional else flag_name(field.name), **more)


def read_options(options: type[Options], given: Mapping[str, Any]) -> Options:
    """Return the options that a parsed command line gives, by the names of the fields; it may hold other names, too."""
    names = [field.name for field in fields(options) if field.name in given]  # type: ignore[arg-type]  # a dataclass
    values = {name: tuple(given[name]) if isinstance(given[name], list) else given[name] for name in names}
    return options(**values)


def flag_words(options: type[Any], values: Mapping[str, Any]) -> list[str]:
    """Return the words by which a command is given these values, in the order of its flags.

    Args:
        options: The dataclass.
        values: By the names of the fields, as they are or as a JSON record holds them. What is no value of a flag, and
            what has no flag, is left out.
    """
    words: list[str] = []
    for field in fields(options):
        kind, flag = flag_of(field.type)
        value, name = values.get(field.name), [] if flag.positional else [flag_name(field.name)]
        if kind is bool:
            words += name if value is True else []
        elif get_origin(kind) is tuple and isinstance(value, list | tuple):
            texts = [str(part) for part in value]
            if flag.many == "again":
                words += [word for text in texts for word in (*name, text)]
            elif texts:
                words += [*name, *(texts if flag.many else [flag.between.join(texts)])]
        elif isinstance(value, str | PurePath | int | float) and not isinstance(value, bool):
            words += [*name, str(value)]
    return words


def recorded(options: object) -> dict[str, Any]:
    """Return the options in plain values, as records in JSON hold them."""
    return {name: _plain(value) for name, value in vars(options).items()}


def _plain(value: object) -> object:
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, PurePath) else value


def help_texts(options: type[Any]) -> dict[str, str]:
    """Return the help of each flag, without its default."""
    (described,) = ast.parse(inspect.getsource(options)).body  # Python keeps no docstrings of fields
    assert isinstance(described, ast.ClassDef)
    texts = {field.name: flag_of(field.type)[1].help for field in fields(options)}
    for above, below in pairwise(described.body):
        if isinstance(above, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            texts[ast.unparse(above.target)] = str(below.value.value)
    return {name: as_phrase(text) for name, text in texts.items()}


def as_phrase(sentence: str) -> str:
    """Return a docstring as help texts are written: without a capital at the beginning and a stop at the end."""
    text = " ".join(sentence.split()).removesuffix(".")
    first = text.partition(" ")[0]
    return text if first[1:] != first[1:].lower() else text[:1].lower() + text[1:]


def _with_default(text: str, default: object) -> str:
    is_told = default in (None, MISSING, ()) or isinstance(default, bool) or "default" in text
    return (text if is_told else f"{text} (default: {default})").replace("%", "%%")


def flag_of(annotation: Any) -> tuple[Any, Flag]:
    """Return the type of a field, apart from None, and how it is typed."""
    flag = Flag()
    while (origin := get_origin(annotation)) in (Annotated, Union, UnionType):
        inner = [part for part in get_args(annotation) if part is not NoneType]
        annotation, flag = inner[0], inner[-1] if origin is Annotated else flag
    return annotation, flag


def flag_name(name: str) -> str:
    """Return a flag as it is typed."""
    return f"--{name.replace('_', '-')}"


def spelled(args: Sequence[str], between: Literal["-", "_"]) -> list[str]:
    """Return a command line with either dashes or underscores in the names of its flags; both are taken."""
    other = {"-": "_", "_": "-"}[between]
    found = []
    for arg in args:
        name, equals, value = arg[2:].partition("=")
        found.append(f"--{name.replace(other, between)}{equals}{value}" if arg.startswith("--") else arg)
    return found


def with_dashes(text: str) -> str:
    """Return a help text or a message with dashes in the names of its flags."""
    return re.sub(r"(?<![\w-])--[a-z][\w.-]*", lambda found: found[0].replace("_", "-"), text)


def meant(name: str, known: Sequence[str]) -> str:
    """Return the part of a message that proposes what stands nearest to a name; empty where nothing does."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def positive(text: str) -> int:
    """Return a whole number from 1 on."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def size(text: str) -> tuple[int, int]:
    """Return the height and width that HEIGHTxWIDTH says."""
    height, _, width = text.partition("x")
    if not (height.isdigit() and width.isdigit() and int(height) and int(width)):
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH, such as 64x32")
    return int(height), int(width)


def names(text: str) -> tuple[str, ...]:
    """Return names that have commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


Folder = Annotated[Path, Flag("DIR")]
File = Annotated[Path, Flag("FILE")]
Positive = Annotated[int, Flag("N", positive)]
Size = Annotated[tuple[int, int], Flag("HxW", size, between="x")]
Words = Annotated[tuple[str, ...], Flag("NAME", many="words")]
Files = Annotated[tuple[Path, ...], Flag("FILE", many="again")]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
Device = Annotated[
    str,
    Flag(
        choices=get_args(DeviceName),
        help="where networks run: auto (default) takes cuda where it is there, then mps, then cpu",
    ),
]
LayoutName = Annotated[
    str,
    Flag(
        "LAYOUT",
        help="how the dataset lies on disk: auto (default) tells by its files; or a name, such as coco or carla (the "
        "README lists them); or a YAML file with `layout:` and its options, or of a class of yours (--trust)",
    ),
]
RealLayoutName = Annotated[str, Flag("LAYOUT", help="the same of the real images")]
ClassMapping = Annotated[
    str,
    Flag(
        "NAME",
        help="from its classes to others: one that ships, such as carla-to-camvid11, or a YAML file of yours",
    ),
]
Classes = Annotated[tuple[str, ...], Flag("A,B,…", names, help="only these, in this order (default: all)")]
Trusted = Annotated[
    tuple[str, ...],
    Flag("MODULE", many="again", help="a module of yours whose classes a checkpoint or a layout's file may name"),
]
