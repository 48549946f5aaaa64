"""Commands that measure and tell: evaluate, benchmark, report."""

import argparse
from pathlib import Path
from typing import Any

from refine.commands.flags import (
    command,
    layout,
    mapping,
    named,
    names,
    positive,
    real_layout,
    rows,
    size,
    three_folders,
    trust,
)


def add_evaluate(each: Any) -> None:
    """Flags of `refine evaluate`."""
    parser = command(
        each,
        "evaluate",
        run_evaluate,
        "how far from real? distances with the do-nothing row and the floor",
        "Distances of synthetic and of refined images to real ones, beside the floor: real against real.",
    )
    three_folders(parser)
    parser.add_argument(
        "--features",
        nargs="+",
        default=["swd"],
        metavar="NAME",
        help="swd (default; needs no weights), inception-64, -192, -768, -2048, or the checkpoint of a task model",
    )
    parser.add_argument("--weights", type=Path, metavar="FILE", help="Inception weights, where torch's cache has none")
    parser.add_argument("--size", type=size, metavar="HxW", help="common size of all images (default: the real ones')")
    parser.add_argument(
        "--images", metavar="GLOB", help="which synthetic and refined files are pictures, where not all are"
    )
    layout(parser)
    real_layout(parser)
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto (default) takes a GPU if there is one"
    )
    parser.add_argument("--seed", type=int, default=0, help="of halves and projections (default: 0)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    trust(parser)


def run_evaluate(args: argparse.Namespace) -> int:
    """`refine evaluate`."""
    from refine.apply.network import choose_device
    from refine.metrics import evaluate, print_table
    from refine.training.extractors import extractors

    device = choose_device(args.device)
    result = evaluate(
        args.synthetic,
        args.refined,
        args.real,
        extractors=extractors(args.features, args.weights, str(device), tuple(args.trust)),
        swd="swd" in args.features,
        size=args.size,
        images=args.images,
        layouts=(args.layout, args.real_layout),
        output=args.output,
        seed=args.seed,
        device=device,
    )
    print_table(result)
    return 0


def add_benchmark(each: Any) -> None:
    """Flags of `refine benchmark`."""
    parser = command(
        each,
        "benchmark",
        run_benchmark,
        "train on X, test on real: synthetic, refined, mixed, target-supervised",
        "Trains the same small classifier, or segmenter, on each kind of data and tests it on labeled real images: "
        "accuracy of classes, mIoU of masks.",
    )
    parser.add_argument("--synthetic", type=Path, required=True, metavar="DIR", help="labeled images before")
    parser.add_argument(
        "--refined",
        type=named,
        action="append",
        required=True,
        metavar="[NAME=]DIR",
        help="labeled images after; may be given several times, each a row",
    )
    parser.add_argument("--real", type=Path, required=True, metavar="DIR", help="labeled real images: the test")
    parser.add_argument(
        "--real-train",
        type=Path,
        metavar="DIR",
        help="labeled real images to train on; without it, cross-validation",
    )
    layout(parser)
    real_layout(parser)
    mapping(parser)
    parser.add_argument("--real-mapping", metavar="NAME", help="the same of the real images' classes")
    parser.add_argument("--classes", type=names, metavar="A,B,…", help="only these, in this order (default: all)")
    parser.add_argument("--seeds", type=positive, default=3, metavar="N", help="of the classifier (default: 3)")
    parser.add_argument("--steps", type=positive, default=150, metavar="N", help="of each training (default: 150)")
    parser.add_argument("--batch-size", type=positive, metavar="N", help="images a step (default: 32, of masks 8)")
    parser.add_argument("--size", type=size, metavar="HxW", help="common size of all images (default: the real ones')")
    parser.add_argument("--horizontal-flip", action="store_true", help="mirroring keeps every label true")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="for benchmark.json and benchmark.png"
    )


def run_benchmark(args: argparse.Namespace) -> int:
    """`refine benchmark`."""
    from refine.benchmark import print_table, run_benchmark
    from refine.report.plots import benchmark_plot

    result = run_benchmark(
        args.synthetic,
        rows(args.refined),
        args.real,
        classes=args.classes,
        real_train=args.real_train,
        seeds=args.seeds,
        steps=args.steps,
        batch_size=args.batch_size,
        size=args.size,
        layouts=(args.layout, args.real_layout),
        mappings=(args.mapping, args.real_mapping),
        horizontal_flip=args.horizontal_flip,
        output=args.output,
    )
    benchmark_plot(result, args.output / "benchmark.png")
    print_table(result)
    return 0


def add_report(each: Any) -> None:
    """Flags of `refine report`."""
    parser = command(
        each,
        "report",
        run_report,
        "one HTML page of it all",
        "Writes one self-contained page that opens in any browser.",
    )
    three_folders(parser)
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="what `refine evaluate --output` wrote")
    parser.add_argument("--benchmark", type=Path, metavar="FILE", help="the benchmark.json of `refine benchmark`")
    parser.add_argument("--title", help="headline of the page")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the page, e.g. report.html")


def run_report(args: argparse.Namespace) -> int:
    """`refine report`."""
    from refine.report import write_report

    page = write_report(
        args.output,
        synthetic=args.synthetic,
        refined=args.refined,
        real=args.real,
        metrics=args.metrics,
        benchmark=args.benchmark,
        title=args.title,
    )
    print(page)
    return 0
