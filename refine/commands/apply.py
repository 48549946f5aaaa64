"""`refine apply`, on the command line and as a function; `refine verify`."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refine.apply.options import ApplyOptions, VerifyOptions, check_folders
from refine.errors import InputError
from refine.files import read_image_file
from refine.interrupts import begin
from refine.options import read_options

if TYPE_CHECKING:
    from refine.apply.repair import Repair
    from refine.apply.verification import ApplySummary


def apply_command(options: ApplyOptions) -> int:
    """`refine apply`."""
    begin()
    if not options.input.is_file():
        check_folders(options.input, options.output)  # before torch is imported
    from refine.apply.label_check import parsed_labels_equal
    from refine.data.images import is_image_name

    if options.check_labels:
        _require_labels(options.layout, options.input)
    if options.input.is_file() and is_image_name(options.input):
        refine_file(options)
        print(f"1 image refined: {options.output}")
        return 0
    summary = apply_options(options)
    print(summary.text())
    if not options.check_labels:
        return int(summary.exit_code)
    labels = parsed_labels_equal(options.input, options.output, options.layout)
    print(labels.text())
    return int(summary.exit_code) or (1 if labels.problems else 0)


def verify_command(options: VerifyOptions) -> int:
    """`refine verify`."""
    from refine.apply.verification import verify

    problems = verify(options.folder)
    for problem in problems:
        print(problem)
    found = f"{len(problems)} problems" if problems else "every file is as the manifest says"
    print(f"{options.folder}: {found}")
    return 1 if problems else 0


def _require_labels(layout: str, source: Path) -> None:
    """Refuse before the work what could not be checked after it.

    Raises:
        InputError: If the dataset cannot be read through the layout, or has no labels.
    """
    from refine.data.open_layout import open_layout

    opened = open_layout(layout, source)
    if not opened.label_space.is_labeled:
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
    given: dict[str, Any] = {
        "checkpoint": Path(checkpoint),
        "input": Path(source),
        "output": Path(output),
        "images": images,
    }
    given |= {"layout": layout or "auto", "batch_size": batch_size, "workers": workers, "device": device}
    given |= {"precision": precision, "scale": scale or "trained", "strength": strength, "trust": trust}
    if audit is not None:
        given |= {"audit": Path(audit), "if_wrong": if_wrong, "repair": repair}
    return apply_options(read_options(ApplyOptions, given))


def apply_options(options: ApplyOptions) -> "ApplySummary":
    """Do the same with options in hand."""
    check_folders(options.input, options.output)  # before torch is imported
    from refine.apply.run import refine_folder
    from refine.devices import choose_device

    choose_device(options.device)  # one that is not there is refused before an audit is loaded
    return refine_folder(options, None if options.audit is None else load_repair(options.audit, options))


def refine_file(options: ApplyOptions) -> None:
    """Refine one image file into another one of the same format, with its metadata.

    Args:
        options: Its input is the image, its output a new file with the same suffix.

    Raises:
        InputError: If the source cannot be refined, or the output is there already or has another suffix.
    """
    source, output = options.input, options.output
    if output.suffix.lower() != source.suffix.lower():
        raise InputError(f"{output}: expected a file name that ends in {source.suffix}, as that of the image does")
    if output.exists():
        raise InputError(f"{output}: is there already; name another output")
    if not output.parent.is_dir():
        raise InputError(f"{output.parent}: no such folder")
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".refine-") as scratch:
        before, after = Path(scratch) / "in", Path(scratch) / "out"
        before.mkdir()
        (before / source.name).write_bytes(read_image_file(source))
        try:
            summary = apply_options(replace(options, input=before, output=after))
        except InputError as error:
            reason = str(error).rpartition(f"{source.name}: ")[2] if str(before) in str(error) else None
            raise error if reason is None else InputError(f"{source}: {reason}") from error
        if summary.failures:
            raise InputError(f"{source}: {summary.failures[0].get('reason', 'cannot be refined')}")
        (after / source.name).replace(output)


def load_repair(folder: Path, options: ApplyOptions) -> "Repair":
    """Read what ``--audit``, ``--if-wrong`` and ``--repair`` say together.

    Raises:
        InputError: If there is no whole audit in ``folder``.
    """
    from refine.apply.manifest import regular_sha256
    from refine.apply.repair import Repair
    from refine.audit.result import LINES
    from refine.audit.run import Auditor

    digest = regular_sha256(folder / LINES)
    if digest is None:
        raise InputError(f"{folder}: no {LINES} here; name the folder that `refine audit --output` wrote")
    auditor = Auditor.load(folder, options.trust)
    flags = auditor.audit["provenance"].get("flags")
    return Repair(
        folder / LINES,
        digest,
        auditor.verdicts,
        auditor.model,
        auditor,
        options.if_wrong or "original",
        options.repair or "fail",
        flags if isinstance(flags, dict) else {},
    )
