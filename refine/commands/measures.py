"""Commands that measure and tell: evaluate, report."""

import argparse
from pathlib import Path
from typing import Any

from refine.commands.flags import (
    command,
    device,
    layout,
    mapping,
    max_file_size,
    positive,
    real_layout,
    size,
    three_folders,
    trust,
)
from refine.interrupts import begin


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
        help="swd (default; needs no weights); inception-64, -192, -768, -2048; vgg16; dinov2-vits14, -vitb14, "
        "-vitl14; clip-vitb32, -vitb16, -vitl14; the checkpoint of a task model; or a class of yours, module:Class or "
        "a YAML file, with --trust. NETWORK=FILE gives a network its weights, NAME=CHECKPOINT a task model its name",
    )
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="weights of the network, where the caches have none"
    )
    parser.add_argument(
        "--resize",
        choices=("tf1", "clean"),
        default="tf1",
        help="how Inception networks see images: tf1 (default) as FID's authors, clean as clean-fid, antialiased",
    )
    parser.add_argument(
        "--metrics",
        nargs="+",
        metavar="NAME",
        help="swd, and of the features fid, kid, precision, recall, density, coverage, and skvd, which compares "
        "patches whose labels agree and needs masks (default: swd where --features names it, fid and kid of each "
        "network)",
    )
    parser.add_argument(
        "--neighbors",
        type=positive,
        metavar="K",
        help="of precision and recall (default: 3), of density and coverage (default: 5)",
    )
    parser.add_argument("--infinite", action="store_true", help="extrapolate FID to infinitely many images as well")
    parser.add_argument(
        "--groups",
        metavar="SPEC",
        help="images that belong together, such as those of one recording, for the intervals: a CSV file with the "
        "columns key and group, or a regular expression on the key, such as '^[^_]+'",
    )
    parser.add_argument(
        "--size",
        type=size,
        metavar="HxW",
        help="common size of all images (default: the real ones') for swd, skvd and task models; networks with a size "
        "of their own, such as Inception's, resize the images of the files, once",
    )
    parser.add_argument(
        "--images", metavar="GLOB", help="which synthetic and refined files are pictures, where not all are"
    )
    layout(parser)
    real_layout(parser)
    mapping(parser)
    parser.add_argument(
        "--real-mapping", metavar="NAME", help="the same of the real images' classes; both are for skvd"
    )
    parser.add_argument(
        "--segmenter",
        type=Path,
        metavar="FILE",
        help="for skvd, where a side has no masks: a task model of masks that draws those of all images",
    )
    device(parser)
    parser.add_argument("--seed", type=int, default=0, help="of halves, projections and intervals (default: 0)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    max_file_size(parser)
    trust(parser)


def run_evaluate(args: argparse.Namespace) -> int:
    """`refine evaluate`."""
    from refine.devices import choose_device
    from refine.distances import evaluate, print_table
    from refine.training.extractors import extractors
    from refine.training.segmenters import TaskSegmenter

    begin()
    place = choose_device(args.device)
    networks = extractors(args.features, args.weights, str(place), tuple(args.trust), args.resize)
    usual = [*(["swd"] if "swd" in args.features else []), *(["fid", "kid"] if networks else [])]
    result = evaluate(
        args.synthetic,
        args.refined,
        args.real,
        metrics=args.metrics or usual,
        extractors=networks,
        neighbors=args.neighbors,
        infinite=args.infinite,
        groups=args.groups,
        size=args.size,
        images=args.images,
        layouts=(args.layout, args.real_layout),
        mappings=(args.mapping, args.real_mapping),
        segmenter=TaskSegmenter(args.segmenter, tuple(args.trust), place) if args.segmenter else None,
        output=args.output,
        seed=args.seed,
        device=place,
    )
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
    parser.add_argument("--audit", type=Path, metavar="DIR", help="the folder that `refine audit --output` wrote")
    parser.add_argument("--tuning", type=Path, metavar="FILE", help="the tune-strength.json of `refine tune-strength`")
    max_file_size(parser)
    parser.add_argument("--title", help="headline of the page")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the page, e.g. report.html")


def run_report(args: argparse.Namespace) -> int:
    """`refine report`."""
    from refine.report.pages import write_report

    begin()
    page = write_report(
        args.output,
        synthetic=args.synthetic,
        refined=args.refined,
        real=args.real,
        metrics=args.metrics,
        benchmark=args.benchmark,
        audit=args.audit,
        tuning=args.tuning,
        title=args.title,
    )
    print(page)
    return 0
