"""The command `refine`: wires commands to functions, nothing else. torch is imported only where it is used."""

import argparse
import errno
import inspect
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields

import refine
from refine import commands, interrupts
from refine.commands.early_checks import require_fit, require_paths
from refine.errors import DiskFull, InputError, TrainingDiverged
from refine.files import DEFAULT_SIZE, cut, files_up_to, printable
from refine.options import add_flags, as_phrase, flag_name, meant, positive, spelled
from refine.trust import trusting

LIGHTNING = {
    "fit": "train a method on a pair of datasets",
    "validate": "measure a checkpoint on a pair of datasets",
}

LIGHTNING_KEPT = {
    "fit": "training had not begun; give the same command again",  # as soon as it trains, it says more
    "validate": interrupts.NOTHING_KEPT,
}
"""Results that a stop leaves, and how to go on."""

EPILOG = """exit codes: 0 all done; 1 a check found a problem, or training stopped on NaN;
2 bad usage or input; 3 some images failed or the disk filled up (the same command goes on);
130 stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP (a line says what is kept)"""

LONGEST_MESSAGE = 2000
"""Characters of the line on standard error: a file can hold names of any length, and many of them."""


class _Columns(argparse.RawDescriptionHelpFormatter):
    """argparse forgets that commands are indented when it measures its first column."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=20)
        self._action_max_length = 18


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all commands but `fit` and `validate`, which Lightning parses.

    Args:
        only: The command that gets its flags; None: all do.
    """
    top = argparse.ArgumentParser(
        prog="refine",
        description="Makes labeled synthetic images look more real, carries their labels along, and measures "
        "what it did to them.",
        epilog=EPILOG,
        formatter_class=_Columns,
    )
    top.add_argument("--version", action="version", version=f"refine {refine.__version__}")
    each = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in LIGHTNING.items():
        each.add_parser(name, help=summary, add_help=False)
    for command in commands.COMMANDS:
        summary, *more = (inspect.getdoc(command.options) or command.name).split("\n\n")
        text = more[0] if more and not more[0].startswith("Raises:") else summary
        own = each.add_parser(command.name, help=as_phrase(summary), description=" ".join(text.split()))
        own.set_defaults(chosen=command)
        if only in (None, command.name):
            add_flags(own, command.options, required=command.recipe is None)
            if command.reads_dataset:
                own.add_argument(
                    "--max-file-size",
                    type=positive,
                    metavar="MIB",
                    help="label files that are read whole, and single lines and elements of others, are refused above "
                    f"this (default: {DEFAULT_SIZE})",
                )
    return top


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; errors of users become one line on standard error.

    In the main thread, Ctrl-C, SIGTERM and SIGHUP end the command in order until it returns; then they are as before.
    """
    given = list(sys.argv[1:] if args is None else args)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may hold what no encoding has
    with interrupts.listening() as listener:
        try:
            code = _run(given, listener)
            interrupts.finish()
            return code
        except BaseException as error:
            interrupts.finish()
            if listener.number is not None:  # whatever else the stop led to
                return _say(f"{interrupts.stopped_by()}; {listener.kept}", interrupts.exit_code())
            return _exit_code(error)


def entry() -> None:
    """Run the installed command."""
    interrupts.listen(begun=False)
    code = main()
    interrupts.end_with(code)
    sys.exit(code)


def _run(given: list[str], listener: interrupts.Listener) -> int:
    if given and given[0] in LIGHTNING:
        listener.kept = LIGHTNING_KEPT[given[0]]
        require_fit(given)
        from refine.training.fit import run

        return run(given)
    given = spelled(given, "-")
    named = given[0] if given else ""
    known = [*LIGHTNING, *(each.name for each in commands.COMMANDS)]
    if named and not named.startswith("-") and named not in known:
        raise InputError(f"{named}: no such command{meant(named, known)} (refine --help lists them)")
    parsed, unknown = parser(named).parse_known_args(given)
    command = parsed.chosen
    if unknown and not unknown[0].startswith("-"):
        raise InputError(f"{unknown[0]}: one argument too many (quote names with spaces)")
    if unknown:
        near = meant(unknown[0], [flag_name(field.name) for field in fields(command.options)])
        raise InputError(f"{unknown[0]}: no such flag{near} (see refine {command.name} --help)")
    listener.kept = command.kept
    require_paths(parsed, given)
    with files_up_to(getattr(parsed, "max_file_size", None)), trusting(getattr(parsed, "trust", ())):
        return int(command.run(command.read(parsed)))


def _exit_code(error: BaseException) -> int:
    """Say what went wrong, where it is of a kind that users meet.

    Raises:
        BaseException: Any other error, as it is.
    """
    if isinstance(error, SystemExit):  # argparse and jsonargparse have said what is wrong, or printed their help
        return error.code if isinstance(error.code, int) else 2
    if isinstance(error, KeyboardInterrupt):  # somebody else's handler
        return _say(f"{interrupts.stopped_by()}; {interrupts.NOTHING_KEPT}", interrupts.exit_code())
    if isinstance(error, TrainingDiverged):
        return _say(error, 1)
    if isinstance(error, DiskFull):
        return _say(error, 3)
    if isinstance(error, InputError):
        return _say(error, 2)
    if isinstance(error, BrokenPipeError):  # the reader of our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, OSError):
        return _say(error, 3 if error.errno == errno.ENOSPC else 2)
    raise error


def _say(message: object, code: int) -> int:
    line = printable(" ".join(str(message).split()))
    with suppress(OSError):  # after SIGHUP the terminal may be gone
        print(f"refine: {cut(line, LONGEST_MESSAGE)}", file=sys.stderr)
    return code
