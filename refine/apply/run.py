"""`apply`: everything that can be refused is refused first, then the job runs."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import PIL
import torch

import refine
from refine.apply.guard import refuse_labels, refuse_labels_within
from refine.apply.network import Network
from refine.apply.options import ApplyOptions, check_folders
from refine.apply.pipeline import Job
from refine.apply.plan import make_plan, select
from refine.apply.repair import Repair, label_owners
from refine.apply.resume import disk_errors, own_output
from refine.apply.verification import ApplySummary
from refine.devices import choose_device
from refine.errors import InputError
from refine.files import read_image_file, shown
from refine.methods.checkpoint import load_translator, model_sha256
from refine.methods.translator import Translator

RECORD_FORMAT = 1
"""Version of the record of an output."""


def refine_folder(options: ApplyOptions, repair: Repair | None = None) -> ApplySummary:
    """Refine a dataset: the same tree with other pixels, labels and every other file byte for byte the same.

    Interrupted at any moment, the same call goes on and ends with the same bytes.

    Args:
        options: Folders and flags.
        repair: What is done about an audit's verdicts, if there is one.

    Raises:
        InputError: Bad folders, checkpoint, audit or flags; nothing has been made then.
        DiskFull: No space is left; what is done stands.
    """
    choose_device(options.device)  # one that is not there is refused first
    check_folders(options.input, options.output)
    translator = load_translator(options.checkpoint, options.trust)
    return refine_dataset(translator, model_sha256(options.checkpoint), options, repair)


def refine_dataset(
    translator: Translator, model: str, options: ApplyOptions, repair: Repair | None = None
) -> ApplySummary:
    """Do the same with a translator in hand.

    Args:
        translator: In eval mode.
        model: What identifies its weights, for the record.
        options: Folders and flags.
        repair: What is done about an audit's verdicts, if there is one.
    """
    source, output = check_folders(options.input, options.output)
    device = choose_device(options.device)
    translator.working_size = options.working_size(translator.working_size)
    translator.strength = options.strength
    network = Network(translator, device, options)
    selection = select(source, options.images, options.layout)
    plan = make_plan(source, selection, translator.channels, options.workers)
    if not (plan.images or plan.containers or any(entry["kind"] == "image" for entry in plan.failures)):
        nothing = "no image in this folder or below it"
        if options.images is not None:
            nothing = f"--images {options.images!r} matches no image there"
        raise InputError(f"{source}: {nothing}")
    if not selection.certain:
        refuse_labels(source, plan.headers)
    if options.layout == "auto":
        refuse_labels_within(source, selection.containers)
    layout = selection.layout if options.layout == "auto" else options.layout
    if repair is not None:
        repair.require_fit(model, options, source, plan)
    owners = label_owners(source, layout) if repair is not None and repair.leaves_out else {}
    description = translator.description()
    run: dict[str, object] = {  # all that the bytes follow from, except the input: no time, place or number of workers
        "format": RECORD_FORMAT,
        "model": {name: description[name] for name in ("class_path", "init_args", "state")} | {"sha256": model},
        "versions": {"refine": refine.__version__, "torch": str(torch.__version__), "pillow": PIL.__version__},
        "flags": options.recorded(layout),
        "audit": None if repair is None else repair.record(),
        "device": device.type,
        "threads": torch.get_num_threads() if device.type == "cpu" else None,
        "seed": None,
    }
    with disk_errors(output), own_output(output, run):
        summary = Job(source, output, plan, network, options, repair, owners).run()
        if summary.failures and not (summary.done or summary.kept or summary.originals or summary.left_out):
            first = summary.failures[0]
            files = f"{summary.failed} files" if summary.failed > 1 else "its file"
            raise InputError(
                f"{source}: nothing in it can be refined, {files} failed; {shown(first['key'])}: {first['reason']}"
            )
        return summary._replace(note=selection.note, labels_known=owners is not None)


def refine_file(options: ApplyOptions, refined: Callable[[ApplyOptions], ApplySummary]) -> None:
    """Refine one image file into another one of the same format, with its metadata.

    Args:
        options: Its input is the image, its output a new file with the same suffix.
        refined: Refines a folder.

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
            summary = refined(replace(options, input=before, output=after))
        except InputError as error:
            reason = str(error).rpartition(f"{source.name}: ")[2] if str(before) in str(error) else None
            raise error if reason is None else InputError(f"{source}: {reason}") from error
        if summary.failures:
            raise InputError(f"{source}: {summary.failures[0].get('reason', 'cannot be refined')}")
        (after / source.name).replace(output)
