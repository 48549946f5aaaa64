"""Commands that write or check a dataset: apply, verify, render."""

import argparse
from pathlib import Path
from typing import Any

from refine.commands.flags import command, device, layout, max_file_size, positive, trust
from refine.interrupts import FINISHED_KEPT, begin


def add_apply(each: Any) -> None:
    """Flags of `refine apply`."""
    parser = command(
        each,
        "apply",
        run_apply,
        "refine a dataset, labels carried along",
        "Writes the same tree with refined pixels: names, formats, sizes and metadata stay, labels and every other "
        "file are copied byte for byte. Stopped at any moment, the same command goes on.",
        FINISHED_KEPT,
    )
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="FILE", help="a .ckpt, or a bundle's folder")
    parser.add_argument("--input", type=Path, required=True, metavar="DIR", help="the synthetic dataset, or one image")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="where the refined dataset, or the image, goes"
    )
    parser.add_argument(
        "--images", metavar="GLOB", help="which files are images, e.g. 'rgb/**/*.png'; the rest is carried"
    )
    layout(parser)
    parser.add_argument(
        "--batch-size", type=positive, default=8, metavar="N", help="images a call, at most (default: 8)"
    )
    parser.add_argument(
        "--workers", type=positive, default=2, metavar="N", help="threads that read and write (default: 2)"
    )
    device(parser)
    parser.add_argument(
        "--precision", choices=("32", "bf16"), default="32", help="of the network: 32 (default) or bf16"
    )
    parser.add_argument(
        "--scale",
        metavar="SCALE",
        help="native, trained (default), or HEIGHTxWIDTH: the size at which the network sees an image",
    )
    parser.add_argument(
        "--strength",
        type=float,
        default=1.0,
        metavar="S",
        help="how much of its change an image gets, above 0 and up to 1 (default: 1, all of it)",
    )
    parser.add_argument(
        "--audit",
        type=Path,
        metavar="DIR",
        help="what `refine audit` wrote about the output of this checkpoint: images that fail there get less of the "
        "change (0.75, 0.5, 0.25), the first with which they pass",
    )
    parser.add_argument(
        "--if-wrong",
        choices=("original", "leave-out"),
        help="with --audit, what becomes of images that pass with none: the input's file (original, the default), or "
        "no image and none of its own label files (leave-out)",
    )
    parser.add_argument(
        "--repair",
        choices=("fail", "review"),
        help="with --audit, which images get less: those that fail (default), or those to review as well",
    )
    parser.add_argument(
        "--check-labels",
        action="store_true",
        help="then read each label through the layout, before and after, and compare; exit code 1 if one differs",
    )
    max_file_size(parser)
    trust(parser)


def run_apply(args: argparse.Namespace) -> int:
    """`refine apply`."""
    from refine.apply import ApplySummary, apply_checkpoint
    from refine.apply.single import refine_file
    from refine.data.images import is_image_name

    begin()
    if args.audit is None and (args.if_wrong or args.repair):
        _needs_audit("--if-wrong" if args.if_wrong else "--repair")
    if args.check_labels:
        _require_labels(args.layout, args.input)

    def refine_folder(source: Path, output: Path) -> ApplySummary:
        return apply_checkpoint(
            args.checkpoint,
            source,
            output,
            images=args.images,
            layout=args.layout,
            batch_size=args.batch_size,
            workers=args.workers,
            device=args.device,
            precision=args.precision,
            scale=args.scale,
            strength=args.strength,
            audit=args.audit,
            if_wrong=args.if_wrong or "original",
            repair=args.repair or "fail",
            trust=tuple(args.trust),
        )

    if args.input.is_file() and is_image_name(args.input):
        refine_file(args.input, args.output, refine_folder)
        print(f"1 image refined: {args.output}")
        return 0
    summary = refine_folder(args.input, args.output)
    print(summary.text())
    if not args.check_labels:
        return int(summary.exit_code)
    from refine.audit import parsed_labels_equal

    labels = parsed_labels_equal(args.input, args.output, args.layout)
    print(labels.text())
    return int(summary.exit_code) or (1 if labels.problems else 0)


def _needs_audit(flag: str) -> None:
    from refine.errors import InputError

    raise InputError(f"{flag} says what is done about an audit's verdicts: give --audit DIR as well")


def _require_labels(layout: str, source: Path) -> None:
    """Refuse before the work what could not be checked after it.

    Raises:
        InputError: If the dataset cannot be read through the layout, or has no labels.
    """
    from refine.data.open_layout import open_layout
    from refine.errors import InputError

    opened = open_layout(layout, source)
    if opened.label_space.kind == "none":
        raise InputError(
            f"{source}: --check-labels needs a layout with labels, found {opened.name}; name one (--layout)"
        )


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
    from refine.apply import verify

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
