"""`refine apply`, on the command line and as a function."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from refine.commands.flags import command, device, layout, max_file_size, positive, trust
from refine.errors import InputError
from refine.interrupts import FINISHED_KEPT, begin

if TYPE_CHECKING:
    from refine.apply.repair import Repair
    from refine.apply.verification import ApplySummary


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
    from refine.apply.run import refine_file
    from refine.data.images import is_image_name

    begin()
    if args.audit is None and (args.if_wrong or args.repair):
        flag = "--if-wrong" if args.if_wrong else "--repair"
        raise InputError(f"{flag} says what is done about an audit's verdicts: give --audit DIR as well")
    if args.check_labels:
        _require_labels(args.layout, args.input)

    def refine_folder(source: Path, output: Path) -> "ApplySummary":
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
    from refine.apply.label_check import parsed_labels_equal

    labels = parsed_labels_equal(args.input, args.output, args.layout)
    print(labels.text())
    return int(summary.exit_code) or (1 if labels.problems else 0)


def _require_labels(layout: str, source: Path) -> None:
    """Refuse before the work what could not be checked after it.

    Raises:
        InputError: If the dataset cannot be read through the layout, or has no labels.
    """
    from refine.data.open_layout import open_layout

    opened = open_layout(layout, source)
    if opened.label_space.kind == "none":
        raise InputError(
            f"{source}: --check-labels needs a layout with labels, found {opened.name}; name one (--layout)"
        )


def apply_checkpoint(
    checkpoint: Path | str,
    source: Path | str,
    output: Path | str,
    *,
    images: str | None = None,
    layout: str | None = None,
    batch_size: int = 8,
    workers: int = 2,
    device: str = "auto",
    precision: str = "32",
    scale: str | None = None,
    strength: float = 1.0,
    audit: Path | str | None = None,
    if_wrong: str = "original",
    repair: str = "fail",
    trust: tuple[str, ...] = (),
) -> "ApplySummary":
    """Refine a dataset: the same tree with other pixels, labels and every other file byte for byte the same.

    Interrupted at any moment, the same call goes on and ends with the same bytes.

    Args:
        checkpoint: A translator's `.ckpt`, or a bundle's folder.
        source: The synthetic dataset.
        output: Where the refined one goes; new, or made by the same call before.
        images: Glob below ``source`` of the files that are images to refine; all others are carried.
        layout: Which layout says which files are images: a name, a YAML file of options, or None for ``auto``.
        batch_size: Images of up to 256 x 256 in a call to the network; larger ones fewer.
        workers: Threads that read, and as many that write.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``32`` or ``bf16``.
        scale: ``native``, ``trained`` (the default) or ``HEIGHTxWIDTH``: the size at which the network sees images.
        strength: Share of the change that an image gets, above 0 and up to 1.
        audit: Folder that `refine audit` wrote about what the same checkpoint made of ``source``: images that it
            says no to get less of the change (0.75, 0.5, 0.25), until they pass.
        if_wrong: What becomes of those that pass at no strength: ``original`` (the input's file) or ``leave-out``.
        repair: Which verdicts ask for less: ``fail`` alone, or ``review`` as well.
        trust: Modules beside ``refine`` whose classes the checkpoint may name.

    Raises:
        InputError: Bad folders, checkpoint, audit or flags; nothing has been made then.
        DiskFull: No space is left; what is done stands.
    """
    from refine.apply.options import ApplyOptions
    from refine.apply.resume import check_folders
    from refine.apply.run import refine_folder
    from refine.devices import choose_device

    options = ApplyOptions(
        images, layout or "auto", batch_size, device, precision, scale or "trained", strength, workers
    )
    choose_device(device)  # one that is not there, and bad folders, are refused before an audit is loaded
    check_folders(Path(source), Path(output))
    repaired = None if audit is None else load_repair(Path(audit), if_wrong, repair, trust)
    return refine_folder(Path(checkpoint), Path(source), Path(output), options, repaired, trust)


def load_repair(folder: Path, if_wrong: str, repaired: str, trust: tuple[str, ...] = ()) -> "Repair":
    """Read what ``--audit``, ``--if-wrong`` and ``--repair`` say together.

    Raises:
        InputError: If one of the flags is unknown, or there is no whole audit in ``folder``.
    """
    from refine.apply.manifest import file_sha256
    from refine.apply.repair import IfWrong, Repair, Repaired
    from refine.audit.result import LINES
    from refine.audit.stored_judges import Auditor

    if if_wrong not in get_args(IfWrong):
        raise InputError(f"--if-wrong {if_wrong!r}: expected one of {', '.join(get_args(IfWrong))}")
    if repaired not in get_args(Repaired):
        raise InputError(f"--repair {repaired!r}: expected one of {', '.join(get_args(Repaired))}")
    digest = file_sha256(folder / LINES)
    if digest is None:
        raise InputError(f"{folder}: no {LINES} here; name the folder that `refine audit --output` wrote")
    auditor = Auditor.load(folder, trust)
    flags = auditor.audit["provenance"].get("flags")
    return Repair(
        folder / LINES,
        digest,
        auditor.verdicts,
        auditor.model,
        auditor,
        "original" if if_wrong == "original" else "leave-out",
        "fail" if repaired == "fail" else "review",
        flags if isinstance(flags, dict) else {},
    )
