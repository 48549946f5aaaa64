"""The command that finds how much refinement is right: tune-strength."""

import argparse
from pathlib import Path
from typing import Any

from refine.commands.flags import command, device, layout, mapping, max_file_size, positive, real_layout, size, trust
from refine.interrupts import begin


def add_tune_strength(each: Any) -> None:
    """Flags of `refine tune-strength`."""
    parser = command(
        each,
        "tune-strength",
        run_tune_strength,
        "how much of the change? realism against label error",
        "Refines images with each checkpoint and applies a part of the change: strength 0 leaves them as they are, 1 "
        "is what `refine apply` does. At each strength it measures the distance to the real images and how many labels "
        "a judge no longer finds, draws the curve, and names the nearest one whose label error stays under a bound.",
    )
    parser.add_argument(
        "--checkpoint", type=Path, nargs="+", required=True, metavar="FILE", help="translators: .ckpt files or bundles"
    )
    parser.add_argument("--synthetic", type=Path, required=True, metavar="DIR", help="labeled images before")
    parser.add_argument("--real", type=Path, required=True, metavar="DIR", help="real images")
    parser.add_argument(
        "--judge",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help="checkpoint of a task model of these labels; may be given several times: they answer together",
    )
    parser.add_argument(
        "--strengths",
        type=shares,
        default=(0.0, 0.25, 0.5, 0.75, 1.0),
        metavar="A,B,…",
        help="parts of the change, 0 to 1 (default: 0,0.25,0.5,0.75,1); 0 is always tried",
    )
    parser.add_argument(
        "--label-error-bound",
        type=float,
        default=0.05,
        metavar="E",
        help="highest label error: the upper end of its interval on every other image, confirmed on the rest; 0.05, "
        "the default, takes 144 images of classes at least",
    )
    parser.add_argument(
        "--features",
        nargs="+",
        default=["swd"],
        metavar="NAME",
        help="as of `refine evaluate`; with swd (default) the choice is made by it, else by the KID of the first",
    )
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="weights of the network, where the caches have none"
    )
    parser.add_argument(
        "--size",
        type=size,
        metavar="HxW",
        help="at which images are compared and judged (default: the real ones'); take the one that judges were fitted "
        "at",
    )
    parser.add_argument(
        "--count", type=positive, default=500, metavar="N", help="images of each side, at most (default: 500)"
    )
    layout(parser)
    real_layout(parser)
    mapping(parser)
    device(parser)
    parser.add_argument("--seed", type=int, default=0, help="of patches, projections and halves (default: 0)")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="for tune-strength.json and tune-strength.png"
    )
    max_file_size(parser)
    trust(parser)


def shares(text: str) -> tuple[float, ...]:
    """Numbers with commas between them."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers, such as 0.25,0.5,1") from None


def run_tune_strength(args: argparse.Namespace) -> int:
    """`refine tune-strength`."""
    from refine.devices import choose_device
    from refine.training.extractors import extractors
    from refine.tuning import print_tuning, tune_strength

    begin()
    place = choose_device(args.device)
    result = tune_strength(
        args.checkpoint,
        args.synthetic,
        args.real,
        args.judge,
        output=args.output,
        strengths=args.strengths,
        label_error_bound=args.label_error_bound,
        swd="swd" in args.features,
        extractors=extractors(args.features, args.weights, str(place), tuple(args.trust)),
        layouts=(args.layout, args.real_layout),
        mapping=args.mapping,
        size=args.size,
        count=args.count,
        seed=args.seed,
        device=place,
        trust=tuple(args.trust),
    )
    print_tuning(result)
    return 0
