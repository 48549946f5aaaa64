"""`apply`: everything that can be refused is refused first, then the job runs."""

from pathlib import Path

from refine.apply.folders import check_folders, disk_errors, nothing_left, only_run, unfinished
from refine.apply.job import Job
from refine.apply.load_repair import load_repair
from refine.apply.network import Network, set_scale, set_strength
from refine.apply.own_labels import label_owners
from refine.apply.plan import Plan, make_plan
from refine.apply.provenance import Settings, claim, describe_run
from refine.apply.refusal import refuse_labels
from refine.apply.repair import Repair
from refine.apply.select import selection
from refine.apply.shard_labels import refuse_labels_within
from refine.apply.summary import ApplySummary
from refine.devices import choose_device
from refine.errors import InputError
from refine.files import first_missing, shown
from refine.methods.checkpoint import load_translator, model_sha256
from refine.methods.translator import Translator


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
) -> ApplySummary:
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
    checkpoint, source, output = Path(checkpoint), Path(source), Path(output)
    choose_device(device)  # one that is not there is refused first
    check_folders(source, output)
    translator = load_translator(checkpoint, trust)
    named = None if layout == "auto" else layout  # the same run, and so the same record
    settings = Settings(images, named, batch_size, device, precision, scale or "trained", strength, workers)
    repaired = None if audit is None else load_repair(Path(audit), if_wrong, repair, trust)
    return refine_dataset(translator, model_sha256(checkpoint), source, output, settings, repaired)


def refine_dataset(
    translator: Translator, model: str, source: Path, output: Path, settings: Settings, repair: Repair | None = None
) -> ApplySummary:
    """`apply` with a translator in hand.

    Args:
        translator: In eval mode.
        model: What identifies its weights, for the record.
        source: The synthetic dataset.
        output: Where the refined one goes.
        settings: All flags.
        repair: What is done about an audit's verdicts, if there is one.
    """
    if settings.batch_size < 1 or settings.workers < 1:
        raise InputError("--batch-size and --workers must be 1 or more")
    source, output = check_folders(source, output)
    device = choose_device(settings.device)
    set_scale(translator, settings.scale)
    set_strength(translator, settings.strength)
    network = Network(translator, device, settings.precision)
    chosen = selection(source, settings.images, settings.layout)
    plan = make_plan(source, chosen.selected, translator.channels, settings.workers, chosen.containers, chosen.labels)
    _require_images(plan, source, settings)
    if not chosen.certain:
        refuse_labels(source, plan.glances)
    if settings.layout is None:
        refuse_labels_within(source, chosen.containers)
    recorded = settings._replace(layout=settings.layout or chosen.layout)
    if repair is not None:
        repair.require_fit(model, recorded, source, plan)
    owners = label_owners(source, recorded.layout) if repair is not None and repair.leaves_out else {}
    run = describe_run(translator, model, recorded, device, None if repair is None else repair.record())
    made = first_missing(output)
    with disk_errors(output), only_run(output), nothing_left(output, made):
        claim(output, run)
        with unfinished(output):
            summary = Job(source, output, plan, network, settings, repair, owners).run()
            _require_refined(summary, source)
            return summary._replace(note=chosen.note, labels_known=owners is not None)


def _require_refined(summary: ApplySummary, source: Path) -> None:
    """Refuse a dataset of which nothing can be refined: what would stand there is no refined dataset."""
    if summary.failures and not (summary.done or summary.kept or summary.originals or summary.left_out):
        first = summary.failures[0]
        files = f"{summary.failed} files" if summary.failed > 1 else "its file"
        raise InputError(
            f"{source}: nothing in it can be refined, {files} failed; {shown(first['key'])}: {first['reason']}"
        )


def _require_images(plan: Plan, source: Path, settings: Settings) -> None:
    if plan.images or plan.containers or any(entry["kind"] == "image" for entry in plan.failures):
        return
    if settings.images is not None:
        raise InputError(f"{source}: --images {settings.images!r} matches no image there")
    raise InputError(f"{source}: no image in this folder or below it")
