"""The command `refine benchmark`: its flags, which may stand in a recipe, and its call."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from refine.commands.flags import (
    command,
    device,
    layout,
    mapping,
    max_file_size,
    named,
    names,
    positive,
    real_layout,
    rows,
    size,
)
from refine.errors import InputError
from refine.interrupts import begin

REQUIRED = ("synthetic", "refined", "real", "output")

DEFAULTS: dict[str, Any] = {
    "real_train": None,
    "real_few": None,
    "baselines": "color_transfer",
    "groups": None,
    "layout": "auto",
    "real_layout": "auto",
    "mapping": None,
    "real_mapping": None,
    "classes": None,
    "seeds": 3,
    "steps": 150,
    "batch_size": None,
    "network": None,
    "width": 16,
    "learning_rate": 3e-3,
    "size": None,
    "horizontal_flip": False,
    "shift": None,
    "jobs": 1,
    "device": "auto",
}
"""What holds where neither a flag nor the recipe says otherwise."""


def add_benchmark(each: Any) -> None:
    """Flags of `refine benchmark`."""
    parser = command(
        each,
        "benchmark",
        run_benchmark,
        "train on X, test on real: synthetic, baselines, refined, mixed, target-supervised",
        "Trains the same task model on each kind of data and tests it on labeled real images: accuracy of classes, "
        "mIoU of masks, average precision of objects, degrees of gaze. Needs --synthetic, --refined, --real and "
        "--output, here or in a recipe. A second run with the same settings goes on where the first one stopped.",
        "finished trainings are kept; the same command goes on with the others",
    )
    parser.add_argument(
        "--recipe",
        type=Path,
        metavar="FILE",
        help="a YAML file with these flags by name, such as `real-train: DIR` and `refined: {NAME: DIR, OTHER: [DIR1, "
        "DIR2]}`; its paths are relative to it, and flags win",
    )
    max_file_size(parser)
    add_flags(parser)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Those that may stand in a recipe. Only what is given is in the result."""
    parser.add_argument("--synthetic", type=Path, metavar="DIR", help="labeled images before")
    parser.add_argument(
        "--refined",
        type=named,
        action="append",
        metavar="[NAME=]DIR[,DIR…]",
        help="labeled images after; may be given several times, each a row. NAME=DIR1,DIR2,… is one row of several "
        "seeds of a translator: its interval and p-value cover the draw of a translator, too (a comma in a folder's "
        "name is \\,)",
    )
    parser.add_argument("--real", type=Path, metavar="DIR", help="labeled real images: the test")
    parser.add_argument(
        "--real-train",
        type=Path,
        metavar="DIR",
        help="labeled real images to train on; without it, cross-validation",
    )
    parser.add_argument(
        "--real-few",
        type=positive,
        metavar="K",
        help="also a row for each refined dataset together with K labeled real images",
    )
    parser.add_argument(
        "--baselines",
        metavar="A,B,…",
        help="rows without a refined dataset: color_transfer (default), histogram_matching, fda, randomization; or "
        "all, or none",
    )
    parser.add_argument(
        "--groups",
        metavar="SPEC",
        help="test images that belong together, for intervals and p-values: a CSV file with the columns key and group, "
        "or a regular expression on the key, such as '^[^_]+'",
    )
    layout(parser)
    real_layout(parser)
    mapping(parser)
    parser.add_argument("--real-mapping", metavar="NAME", help="the same of the real images' classes")
    parser.add_argument("--classes", type=names, metavar="A,B,…", help="only these, in this order (default: all)")
    parser.add_argument("--seeds", type=positive, metavar="N", help="of the task model (default: 3)")
    parser.add_argument("--steps", type=positive, metavar="N", help="of each training (default: 150)")
    parser.add_argument(
        "--batch-size", type=positive, metavar="N", help="images a step (default: 32, of masks and objects 8)"
    )
    parser.add_argument(
        "--network",
        metavar="NAME",
        help="of the task model: small-cnn, lenet, dtn, unet, lraspp, deeplabv3, small-regressor, small-detector, "
        "resnet18 or resnet50 (default: the small one of the kind of label)",
    )
    parser.add_argument("--width", type=positive, metavar="N", help="of the small networks (default: 16)")
    parser.add_argument("--learning-rate", type=float, metavar="RATE", help="the schedule's highest (default: 0.003)")
    parser.add_argument("--size", type=size, metavar="HxW", help="common size of all images (default: the real ones')")
    parser.add_argument("--horizontal-flip", action="store_true", help="mirroring keeps every label true")
    parser.add_argument(
        "--shift",
        type=whole,
        metavar="N",
        help="random shifts in training, in pixels (default: 2; none of targets other than pitch and yaw)",
    )
    parser.add_argument(
        "--jobs",
        type=positive,
        metavar="N",
        help="trainings at a time, which share threads and GPUs (default: 1)",
    )
    device(parser)
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="for benchmark.json, .md, .tex and .png, and each training's result"
    )
    for action in parser._actions:  # argparse has no public way: a default of its own would hide the recipe's
        if action.dest in DEFAULTS or action.dest in REQUIRED:
            action.default = argparse.SUPPRESS


def whole(text: str) -> int:
    """A whole number from 0 on."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def settings(args: argparse.Namespace) -> dict[str, Any]:
    """What the flags say, then the recipe, then the defaults.

    Raises:
        InputError: If the recipe is wrong, or one of `REQUIRED` stands nowhere.
    """
    given = {name: value for name, value in vars(args).items() if name in DEFAULTS or name in REQUIRED}
    if args.recipe is None:
        _require(given)

    from refine.benchmark.recipe import read_recipe

    parser = argparse.ArgumentParser(exit_on_error=False, add_help=False, allow_abbrev=False)
    add_flags(parser)
    found = {**DEFAULTS, **(read_recipe(args.recipe, parser) if args.recipe else {}), **given}
    _require(found)
    return found


def _require(found: Mapping[str, Any]) -> None:
    for name in REQUIRED:
        if name not in found:
            raise InputError(f"--{name} is missing; give it, or name it in a recipe (--recipe FILE)")


def run_benchmark(args: argparse.Namespace) -> int:
    """`refine benchmark`."""
    found = settings(args)

    from refine.benchmark import print_table, run_benchmark
    from refine.benchmark.datasets import choose_baselines
    from refine.report.pages import benchmark_plot

    begin()
    result = run_benchmark(
        found["synthetic"],
        rows(found["refined"]),
        found["real"],
        classes=found["classes"],
        real_train=found["real_train"],
        real_few=found["real_few"],
        baselines=choose_baselines(found["baselines"]),
        groups=found["groups"],
        seeds=found["seeds"],
        steps=found["steps"],
        batch_size=found["batch_size"],
        network=found["network"],
        width=found["width"],
        learning_rate=found["learning_rate"],
        size=found["size"],
        layouts=(found["layout"], found["real_layout"]),
        mappings=(found["mapping"], found["real_mapping"]),
        horizontal_flip=found["horizontal_flip"],
        shift=found["shift"],
        jobs=found["jobs"],
        device=found["device"],
        output=found["output"],
    )
    print_table(result)
    benchmark_plot(result, found["output"] / "benchmark.png")
    return 0
