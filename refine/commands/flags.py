"""What several commands' flags have in common."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from refine.errors import InputError
from refine.files import DEFAULT_SIZE
from refine.interrupts import NOTHING_KEPT


def command(
    each: Any, name: str, run: Any, summary: str, description: str = "", kept: str = NOTHING_KEPT
) -> argparse.ArgumentParser:
    """A command's parser, which calls ``run``.

    Args:
        each: argparse's subparsers.
        name: Name of the command.
        run: Function that takes the parsed arguments and returns the exit code. After its imports it calls
            `refine.interrupts.begin`.
        summary: Its line in `refine --help`.
        description: Text above its flags; the summary by default.
        kept: What a stop by Ctrl-C or SIGTERM leaves, and how to go on.
    """
    parser: argparse.ArgumentParser = each.add_parser(
        name, help=summary, description=description or summary[0].upper() + summary[1:] + "."
    )
    parser.set_defaults(run=run, kept=kept)
    return parser


def three_folders(parser: argparse.ArgumentParser) -> None:
    """The three sides that are compared."""
    parser.add_argument("--synthetic", type=Path, required=True, metavar="DIR", help="images before")
    parser.add_argument("--refined", type=Path, required=True, metavar="DIR", help="images after")
    parser.add_argument("--real", type=Path, required=True, metavar="DIR", help="real images")


def layout(parser: argparse.ArgumentParser) -> None:
    """How a dataset lies on disk."""
    parser.add_argument(
        "--layout",
        default="auto",
        metavar="LAYOUT",
        help="how the dataset lies on disk: auto (default) tells by its files; or a name, such as coco or carla (the "
        "README lists them); or a YAML file with `layout:` and its options",
    )


def real_layout(parser: argparse.ArgumentParser) -> None:
    """How the real images lie on disk."""
    parser.add_argument("--real-layout", default="auto", metavar="LAYOUT", help="the same of the real images")


def mapping(parser: argparse.ArgumentParser) -> None:
    """From one dataset's classes to another's."""
    parser.add_argument(
        "--mapping",
        metavar="NAME",
        help="from its classes to others: one that ships, such as carla-to-camvid11, or a YAML file of yours",
    )


def max_file_size(parser: argparse.ArgumentParser) -> None:
    """How large the files of a dataset may be that are read whole."""
    parser.add_argument(
        "--max-file-size",
        type=positive,
        metavar="MIB",
        help="label files that are read whole, and single lines and elements of others, are refused above this "
        f"(default: {DEFAULT_SIZE})",
    )


def device(parser: argparse.ArgumentParser) -> None:
    """Where networks run."""
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda", "mps"),
        default="auto",
        help="where networks run: auto (default) takes cuda where it is there, then mps, then cpu",
    )


def trust(parser: argparse.ArgumentParser) -> None:
    """Modules beside refine."""
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="MODULE",
        help="a module of yours whose classes a checkpoint may name",
    )


def positive(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def size(text: str) -> tuple[int, int]:
    """HEIGHTxWIDTH."""
    height, _, width = text.partition("x")
    if not (height.isdigit() and width.isdigit() and int(height) and int(width)):
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH, such as 64x32")
    return int(height), int(width)


def named(text: str) -> tuple[str, Path]:
    """NAME=DIR; without a name, the folder's own. A slash before the = makes all of it a folder."""
    name, equals, folder = text.partition("=")
    return (name, Path(folder)) if equals and "/" not in name else (Path(text).resolve().name, Path(text))


def rows(folders: Sequence[tuple[str, Path]]) -> dict[str, Path]:
    """What `named` gave, by name.

    Raises:
        InputError: If two folders have one name.
    """
    found: dict[str, Path] = {}
    for name, folder in folders:
        if name in found:
            raise InputError(f"--refined {folder}: {found[name]} is already called {name!r}; give NAME=DIR")
        found[name] = folder
    return found


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
