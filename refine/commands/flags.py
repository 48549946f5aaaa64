"""What several commands' flags have in common."""

import argparse
import re
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


def above_zero(text: str) -> float:
    """A number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def size(text: str) -> tuple[int, int]:
    """HEIGHTxWIDTH."""
    height, _, width = text.partition("x")
    if not (height.isdigit() and width.isdigit() and int(height) and int(width)):
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH, such as 64x32")
    return int(height), int(width)


def named(text: str) -> tuple[str, list[Path]]:
    """NAME=DIR or NAME=DIR1,DIR2; of one folder without a name, the folder's own. A slash before the = makes all of it
    a folder, a backslash before a comma makes the comma a part of a folder's name.

    Raises:
        ArgumentTypeError: If several folders have no name, or one is empty.
    """
    name, equals, rest = text.partition("=")
    has_name = bool(equals) and "/" not in name
    folders = [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", rest if has_name else text)]
    if not has_name and len(folders) > 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is several folders without a name; give NAME=DIR1,DIR2 (a comma in a folder's name is \\,)"
        )
    if "" in folders:
        raise argparse.ArgumentTypeError(f"{text!r} has an empty folder; give NAME=DIR1,DIR2")
    return (name if has_name else Path(folders[0]).resolve().name), [Path(folder) for folder in folders]


def rows(given: Sequence[tuple[str, list[Path]]]) -> dict[str, Path | list[Path]]:
    """What `named` gave, by name.

    Raises:
        InputError: If two rows have one name.
    """
    found: dict[str, list[Path]] = {}
    for name, folders in given:
        if name in found:
            raise InputError(
                f"--refined {folders[0]}: {found[name][0]} is already called {name!r}; give NAME=DIR, or, where they "
                f"are seeds of one translator, {name}=DIR1,DIR2"
            )
        found[name] = folders
    return {name: folders[0] if len(folders) == 1 else folders for name, folders in found.items()}


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
