"""Flags of each command, and the one call that it makes. Nothing heavy is imported before a command runs."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add_parsers(each: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add every command that is ours."""
    for add in (_apply, _verify, _evaluate, _benchmark, _report, _render, _export, _recipes):
        add(each)


def _command(each: Any, name: str, run: Any, summary: str, description: str = "") -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = each.add_parser(
        name, help=summary, description=description or summary[0].upper() + summary[1:] + "."
    )
    parser.set_defaults(run=run)
    return parser


def _apply(each: Any) -> None:
    parser = _command(
        each,
        "apply",
        run_apply,
        "refine a dataset, labels carried along",
        "Writes the same tree with refined pixels: names, formats, sizes and metadata stay, labels and every other "
        "file are copied byte for byte. Stopped at any moment, the same command goes on.",
    )
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="FILE", help="a .ckpt, or a bundle's folder")
    parser.add_argument("--input", type=Path, required=True, metavar="DIR", help="the synthetic dataset")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the refined dataset goes")
    parser.add_argument(
        "--images", metavar="GLOB", help="which files are images, e.g. 'rgb/**/*.png'; the rest is carried"
    )
    parser.add_argument("--layout", choices=("images", "class-folders", "table"), help="how the dataset lies on disk")
    parser.add_argument(
        "--batch-size", type=_positive, default=8, metavar="N", help="images a call, at most (default: 8)"
    )
    parser.add_argument(
        "--workers", type=_positive, default=2, metavar="N", help="threads that read and write (default: 2)"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    parser.add_argument("--precision", choices=("32", "bf16"), default="32", help="default: 32")
    parser.add_argument(
        "--scale",
        metavar="SCALE",
        help="native, trained (default), or HEIGHTxWIDTH: the size at which the network sees an image",
    )
    _trust(parser)


def run_apply(args: argparse.Namespace) -> int:
    """`refine apply`."""
    from refine.apply import apply_checkpoint

    summary = apply_checkpoint(
        args.checkpoint,
        args.input,
        args.output,
        images=args.images,
        layout=args.layout,
        batch_size=args.batch_size,
        workers=args.workers,
        device=args.device,
        precision=args.precision,
        scale=args.scale,
        trust=tuple(args.trust),
    )
    print(summary.text())
    return int(summary.exit_code)


def _verify(each: Any) -> None:
    parser = _command(
        each,
        "verify",
        run_verify,
        "hold a refined dataset against its manifest",
        "Compares every file with the hash that the manifest holds. Exit code 1 and a list if something is missing, "
        "changed or new.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a refined dataset")


def run_verify(args: argparse.Namespace) -> int:
    """`refine verify`."""
    from refine.apply import verify

    problems = verify(args.folder)
    for problem in problems:
        print(problem)
    print(
        f"{args.folder}: {len(problems)} problems" if problems else f"{args.folder}: every file is as the manifest says"
    )
    return 1 if problems else 0


def _evaluate(each: Any) -> None:
    parser = _command(
        each,
        "evaluate",
        run_evaluate,
        "how far from real? distances with the do-nothing row and the floor",
        "Distances of synthetic and of refined images to real ones, beside the floor: real against real.",
    )
    _three_folders(parser)
    parser.add_argument(
        "--features",
        nargs="+",
        default=["swd"],
        metavar="NAME",
        help="swd (default; needs no weights), inception-64, -192, -768, -2048, or the checkpoint of a task model",
    )
    parser.add_argument("--weights", type=Path, metavar="FILE", help="Inception weights, where torch's cache has none")
    parser.add_argument("--size", type=_size, metavar="HxW", help="common size of all images (default: the real ones')")
    parser.add_argument("--seed", type=int, default=0, help="of halves and projections (default: 0)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    _trust(parser)


def run_evaluate(args: argparse.Namespace) -> int:
    """`refine evaluate`."""
    from refine.metrics import evaluate, print_table
    from refine.training.extractors import extractors

    result = evaluate(
        args.synthetic,
        args.refined,
        args.real,
        extractors=extractors(args.features, args.weights, tuple(args.trust)),
        swd="swd" in args.features,
        size=args.size,
        output=args.output,
        seed=args.seed,
    )
    print_table(result)
    return 0


def _benchmark(each: Any) -> None:
    parser = _command(
        each,
        "benchmark",
        run_benchmark,
        "train on X, test on real: synthetic, refined, mixed, target-supervised",
        "Trains the same small classifier on each kind of data and tests it on labeled real images. Datasets lie as "
        "class folders.",
    )
    parser.add_argument("--synthetic", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--refined",
        type=_named,
        action="append",
        required=True,
        metavar="[NAME=]DIR",
        help="may be given several times",
    )
    parser.add_argument("--real", type=Path, required=True, metavar="DIR", help="labeled real images: the test")
    parser.add_argument(
        "--real-train",
        type=Path,
        metavar="DIR",
        help="labeled real images to train on; without it, cross-validation",
    )
    parser.add_argument("--classes", type=_names, metavar="A,B,…", help="only these, in this order (default: all)")
    parser.add_argument("--seeds", type=_positive, default=3, metavar="N", help="default: 3")
    parser.add_argument("--size", type=_size, metavar="HxW", help="common size of all images (default: the real ones')")
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
        dict(args.refined),
        args.real,
        classes=args.classes,
        real_train=args.real_train,
        seeds=args.seeds,
        size=args.size,
        horizontal_flip=args.horizontal_flip,
        output=args.output,
    )
    benchmark_plot(result, args.output / "benchmark.png")
    print_table(result)
    return 0


def _report(each: Any) -> None:
    parser = _command(
        each,
        "report",
        run_report,
        "one HTML page of it all",
        "Writes one self-contained page that opens in any browser.",
    )
    _three_folders(parser)
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


def _render(each: Any) -> None:
    parser = _command(
        each,
        "render",
        run_render,
        "a simulator's labeled images (digits), by seed and parameters",
        "Writes class folders of rendered images, with a JSON line of each image's parameters.",
    )
    parser.add_argument("name", choices=("digits",), help="the simulator")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--count", type=_positive, default=2000, metavar="N", help="images (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument(
        "--parameters", type=Path, metavar="FILE", help="YAML or JSON of ranges that replace the defaults"
    )


def run_render(args: argparse.Namespace) -> int:
    """`refine render`."""
    from refine.simulators import DigitsParameters, read_parameters, render_digits

    parameters = read_parameters(args.parameters) if args.parameters else DigitsParameters()
    render_digits(args.output, args.count, args.seed, parameters)
    print(args.output)
    return 0


def _export(each: Any) -> None:
    parser = _command(
        each,
        "export",
        run_export,
        "a checkpoint as a bundle to share: safetensors and a description",
        "Writes a folder with model.safetensors and model.yaml, that every --checkpoint takes. It holds no code.",
    )
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="FILE")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    _trust(parser)


def run_export(args: argparse.Namespace) -> int:
    """`refine export`."""
    from refine.interop.bundle import write_bundle
    from refine.methods.checkpoint import load_method

    write_bundle(load_method(args.checkpoint, tuple(args.trust)), args.output)
    print(args.output)
    return 0


def _recipes(each: Any) -> None:
    parser = _command(each, "recipes", run_recipes, "list the packaged recipes")
    parser.add_argument("--json", action="store_true", help="as JSON: name to file")


def run_recipes(args: argparse.Namespace) -> int:
    """`refine recipes`."""
    from refine.recipes import list_recipes, recipe_summary

    recipes = list_recipes()
    if args.json:
        json.dump({name: str(path) for name, path in recipes.items()}, sys.stdout, indent=2)
        print()
        return 0
    width = max(len(name) for name in recipes)
    for name, path in recipes.items():
        print(f"{name:<{width}}  {recipe_summary(path)}")
    return 0


def _three_folders(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--synthetic", type=Path, required=True, metavar="DIR", help="images before")
    parser.add_argument("--refined", type=Path, required=True, metavar="DIR", help="images after")
    parser.add_argument("--real", type=Path, required=True, metavar="DIR", help="real images")


def _trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="MODULE",
        help="a module of yours whose classes a checkpoint may name",
    )


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    if not (height.isdigit() and width.isdigit() and int(height) and int(width)):
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH, such as 64x32")
    return int(height), int(width)


def _named(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    return (name, Path(folder)) if equals else (Path(text).resolve().name, Path(text))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
