"""The command `refine try`: its flags, and its call."""

import argparse
import shlex
from pathlib import Path
from typing import Any

from refine.commands.flags import above_zero, command, device, layout, mapping, max_file_size, names, real_layout
from refine.early_checks import require_apart
from refine.interrupts import FINISHED_KEPT, begin


def add_try(each: Any) -> None:
    """Flags of `refine try`."""
    parser = command(
        each,
        "try",
        run_try,
        "every method that fits, in minutes: one page, a recommendation",
        "Trains every method that fits the data for a fair part of the time, in sizes that it allows for, and writes a "
        "page with pictures side by side, distances to real and how many labels a judge still finds; it recommends one "
        "with the command to go on, or says why it cannot decide. Stopped, the same command goes on.",
        FINISHED_KEPT,
    )
    parser.add_argument("synthetic", type=Path, metavar="SYNTHETIC", help="the synthetic dataset")
    parser.add_argument("real", type=Path, metavar="REAL", help="folder of real images; labels there are never read")
    parser.add_argument(
        "--minutes", type=above_zero, metavar="N", help="time for all of it (default: 10 on a CPU, 60 with CUDA)"
    )
    parser.add_argument(
        "--labeled-real",
        type=Path,
        metavar="DIR",
        help="some labeled real images: a task model is trained on what each method makes, and tested on them",
    )
    parser.add_argument("--classes", type=names, metavar="A,B,…", help="only these, in this order (default: all)")
    layout(parser)
    real_layout(parser)
    mapping(parser)
    device(parser)
    max_file_size(parser)
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("refine-try"),
        metavar="DIR",
        help="for try.html, try.json and what the methods leave (default: refine-try)",
    )


def run_try(args: argparse.Namespace) -> int:
    """`refine try`."""
    require_apart(args.synthetic, args.real, args.output)
    from refine.console import typed
    from refine.trial import try_methods

    begin()
    trial = try_methods(
        args.synthetic,
        args.real,
        output=args.output,
        minutes=args.minutes,
        labeled_real=args.labeled_real,
        layouts=(args.layout, args.real_layout),
        mapping=args.mapping,
        classes=args.classes,
        device=args.device,
        say=lambda line: print(line, flush=True),
    )
    found = trial["recommendation"]
    print(f"recommended: {found['method']}" if found["method"] else "cannot be decided")
    for reason in found["reasons"]:
        print(f"  {reason}")
    print(f"page: {args.output / 'try.html'}")
    for line in [*filter(None, [found["command"]]), *found.get("next", [])]:
        print(f"next: {typed(*shlex.split(line)[1:])}")
    return 0
