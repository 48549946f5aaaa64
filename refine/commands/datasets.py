"""Commands that check or render a dataset: verify, render."""

import argparse
from pathlib import Path
from typing import Any

from refine.commands.flags import command, positive
from refine.interrupts import begin


def add_verify(each: Any) -> None:
    """Flags of `refine verify`."""
    parser = command(
        each,
        "verify",
        run_verify,
        "hold a refined dataset against its manifest",
        "Compares every file with the hash that the manifest holds. Exit code 1 and a list if something is missing, "
        "changed or new.",
        "it changes nothing; the same command begins anew",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a refined dataset")


def run_verify(args: argparse.Namespace) -> int:
    """`refine verify`."""
    from refine.apply.verification import verify

    problems = verify(args.folder)
    for problem in problems:
        print(problem)
    print(
        f"{args.folder}: {len(problems)} problems" if problems else f"{args.folder}: every file is as the manifest says"
    )
    return 1 if problems else 0


def add_render(each: Any) -> None:
    """Flags of `refine render`."""
    parser = command(
        each,
        "render",
        run_render,
        "a simulator's labeled images (digits), by seed and parameters",
        "Writes class folders of rendered images, with a JSON line of each image's parameters.",
    )
    parser.add_argument("name", choices=("digits",), help="the simulator")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the images go")
    parser.add_argument("--count", type=positive, default=2000, metavar="N", help="images (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument(
        "--parameters", type=Path, metavar="FILE", help="YAML or JSON of ranges that replace the defaults"
    )


def run_render(args: argparse.Namespace) -> int:
    """`refine render`."""
    from refine.simulators import DigitsParameters, read_parameters, render_digits

    begin()
    parameters = read_parameters(args.parameters) if args.parameters else DigitsParameters()
    render_digits(args.output, args.count, args.seed, parameters)
    print(args.output)
    return 0
