"""The command `refine`: wires commands to functions, nothing else. torch is imported only where it is used."""

import argparse
import errno
import os
import sys
from collections.abc import Sequence

from refine import __version__, commands
from refine.errors import DiskFull, InputError, TrainingDiverged
from refine.files import files_up_to

LIGHTNING = {
    "fit": "train a method on a pair of datasets",
    "validate": "measure a checkpoint on a pair of datasets",
}

EPILOG = """exit codes: 0 all done; 1 a check found a problem, or training stopped on NaN;
2 bad usage or input; 3 some images failed or the disk filled up (the same command goes on)"""


class _Columns(argparse.RawDescriptionHelpFormatter):
    """argparse forgets that commands are indented when it measures its first column."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=20)
        self._action_max_length = 18


def parser() -> argparse.ArgumentParser:
    """The whole command line but for `fit` and `validate`, which Lightning parses."""
    top = argparse.ArgumentParser(
        prog="refine",
        description="Makes labeled synthetic images look real without making a label wrong, and proves it.",
        epilog=EPILOG,
        formatter_class=_Columns,
    )
    top.add_argument("--version", action="version", version=f"refine {__version__}")
    each = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in LIGHTNING.items():
        each.add_parser(name, help=summary, add_help=False)
    commands.add_parsers(each)
    return top


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; errors of users become one line on standard error."""
    given = list(sys.argv[1:] if args is None else args)
    try:
        if given and given[0] in LIGHTNING:
            from refine.training.fit import run

            return run(given)
        chosen = parser().parse_args(given)
        with files_up_to(getattr(chosen, "max_file_size", None)):
            return int(chosen.run(chosen))
    except SystemExit as stop:  # argparse and jsonargparse have said what is wrong, or printed their help
        return stop.code if isinstance(stop.code, int) else 2
    except TrainingDiverged as error:
        return _say(error, 1)
    except DiskFull as error:
        return _say(error, 3)
    except InputError as error:
        return _say(error, 2)
    except KeyboardInterrupt:
        return _say("interrupted; the same command goes on", 130)
    except BrokenPipeError:  # the reader of our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _say(error, 3 if error.errno == errno.ENOSPC else 2)


def entry() -> None:
    """The installed command."""
    sys.exit(main())


def _say(message: object, code: int) -> int:
    line = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in " ".join(str(message).split()))
    print(f"refine: {line}", file=sys.stderr)  # what a file holds must not move a terminal's cursor
    return code
