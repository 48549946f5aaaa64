"""The command that looks at a dataset: inspect."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refine.commands.flags import command, device, layout, max_file_size, positive, trust
from refine.interrupts import begin

if TYPE_CHECKING:
    from refine.metrics import FeatureExtractor


def add_inspect(each: Any) -> None:
    """Flags of `refine inspect`."""
    parser = command(
        each,
        "inspect",
        run_inspect,
        "what is in a dataset, what is broken, how far from real",
        "Reads every image and label of a dataset and says what is there, what is broken or suspicious, and, with "
        "--real, where it differs from real images before any training. Changes nothing. Exit codes: 0 nothing is "
        "broken (what is only suspicious counts as nothing); 1 a file is broken, and listed; 2 the dataset could not "
        "be opened at all: there is none, no layout fits, or the one file that all labels are in cannot be read (a "
        "COCO JSON that is cut off).",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a dataset")
    parser.add_argument("--real", type=Path, metavar="DIR", help="real images, with labels or without")
    layout(parser)
    parser.set_defaults(layout="auto")
    parser.add_argument(
        "--real-layout", default="auto", metavar="LAYOUT", help="how the real dataset lies on disk (default: auto)"
    )
    parser.add_argument(
        "--mapping",
        metavar="MAPPING",
        help="from DIR's classes to those of the real labels: the name of one that ships, or a YAML file",
    )
    parser.add_argument(
        "--features",
        nargs="+",
        default=[],
        metavar="NAME",
        help="networks for KID (swd needs none), as `refine evaluate --features` takes them: inception-2048, vgg16, "
        "the checkpoint of a task model, …",
    )
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="weights of the network; without --features, for inception-2048"
    )
    parser.add_argument(
        "--sample",
        type=positive,
        default=500,
        metavar="N",
        help="images a side whose color, frequencies and features are compared (default: 500); files and labels are "
        "all read",
    )
    device(parser)
    parser.add_argument("--json", action="store_true", help="print JSON for machines instead of text")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="write inspect.json, inspect.html and montage.png there"
    )
    max_file_size(parser)
    trust(parser)


def run_inspect(args: argparse.Namespace) -> int:
    """`refine inspect`."""
    from refine.devices import choose_device
    from refine.inspect import as_json, inspect, print_inspection

    place = choose_device(args.device)
    features = args.features or (["inception-2048"] if args.weights else [])
    networks: list[FeatureExtractor] = []
    if features:
        from refine.training.extractors import extractors

        begin()
        networks = extractors(features, args.weights, str(place), tuple(args.trust))
    begin()
    result = inspect(
        args.folder,
        args.real,
        layout=args.layout,
        real_layout=args.real_layout,
        mapping=args.mapping,
        extractors=networks,
        sample=args.sample,
        output=args.output,
    )
    if args.json:
        print(as_json(result))
    else:
        print_inspection(result)
    return 1 if result["faults"] else 0
