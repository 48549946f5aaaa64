"""`apply`: everything that can be refused is refused first, then the job runs: carry, read, refine, write, and one
manifest line for each file."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import PIL
import torch

import refine
from refine.apply.codec import encode, mean_absolute_change, not_written_back
from refine.apply.containers import ContainerJob
from refine.apply.guard import refuse_labels, refuse_labels_within
from refine.apply.manifest import LEFT_OUT, ManifestEntry, failed
from refine.apply.network import PIXELS_PER_IMAGE, Network, Refined, batches
from refine.apply.options import ApplyOptions, check_folders
from refine.apply.plan import ApplyPlan, PlannedImage, make_plan, select
from refine.apply.repair import (
    ImageToWrite,
    Owners,
    Repair,
    all_left_out,
    is_left_out,
    label_owners,
    leave_out,
    shared_with_left_out,
)
from refine.apply.resume import disk_errors, drop_stale, lines_within, own_output, standing
from refine.apply.verification import ApplySummary, summarize
from refine.apply.writer import Finished, Manifest, Writer, carry, link, sync_folder, write_temporary
from refine.devices import choose_device
from refine.errors import InputError
from refine.files import read_image_file, shown
from refine.methods.checkpoint import load_translator, model_sha256
from refine.methods.translator import Translator
from refine.terminal import counted

RECORD_FORMAT = 1
"""Version of the record of an output."""


def refine_folder(options: ApplyOptions, repair: Repair | None = None) -> ApplySummary:
    """Load the checkpoint and refine a dataset with it, as `refine_dataset` does."""
    translator = load_translator(options.checkpoint, options.trust)
    return refine_dataset(translator, model_sha256(options.checkpoint), options, repair)


def refine_dataset(
    translator: Translator, model: str, options: ApplyOptions, repair: Repair | None = None
) -> ApplySummary:
    """Refine a dataset: the same tree with other pixels, labels and every other file byte for byte the same.

    Interrupted at any moment, the same call goes on and ends with the same bytes.

    Args:
        translator: In eval mode.
        model: What identifies its weights, for the record.
        options: Folders and flags.
        repair: What is done about an audit's verdicts, if there is one.

    Raises:
        InputError: Bad folders, audit or flags; nothing has been made then.
        DiskFull: No space is left; what is done stands.
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


class Job:
    """One run over one plan.

    Args:
        source: The dataset, without links in its path.
        output: Where the refined one goes; it exists, and is this run's alone.
        plan: What is to be done.
        network: What refines.
        options: Flags.
        repair: What is done about an audit's verdicts, if there is one.
        owners: Whose label each file is, where images may be left out.
    """

    def __init__(
        self,
        source: Path,
        output: Path,
        plan: ApplyPlan,
        network: Network,
        options: ApplyOptions,
        repair: Repair | None = None,
        owners: Owners | None = None,
    ) -> None:
        self.source, self.output, self.plan, self.network = source, output, plan, network
        self.repair, self.owners = repair, owners or {}
        wrong = {image.key for image in plan.images if repair is not None and repair.is_wrong(image.key)}
        self.waiting = {key for key in plan.carried if key in self.owners and self.owners[key] <= wrong}
        """Labels that may go with their images: what becomes of them is known when these are done."""
        self.workers = options.workers

    def run(self) -> ApplySummary:
        """Do what is not done yet, and leave the manifest sorted.

        Raises:
            InputError: If a folder of the output is a link; nothing is written through it.
            OSError: If the output cannot be written; what is finished is kept.
        """
        self.manifest = Manifest(self.output)
        try:
            drop_stale(self.plan, self.manifest, self.output)
            self.kept = standing(self.plan, self.manifest, self.source, self.output, self.workers)
            self._make_folders()
            missing = {image.key for image in self.plan.images} - self.kept
            containers = {key: members for key, members in self.plan.containers.items() if key not in self.kept}
            within = lines_within(self.plan, self.manifest)
            self.manifest.drop(key for container in containers for key in within[container])
            images = len(missing) + sum(map(len, containers.values()))
            with counted(images, "refining", unit="images") as advance:
                with self._writer() as writer:
                    self._carry(writer)
                with self._writer(advance) as writer, self._pool("refine-read") as pool:
                    self._refine(writer, pool, missing)
                with self._writer() as writer, self._pool("refine-container") as pool:
                    job = ContainerJob(self.source, self.output, self.network, pool, advance)
                    for key, members in containers.items():
                        writer.add(job(key, members))
                with self._writer() as writer:
                    self._settle_labels(writer)
                with self._writer() as writer:
                    self._link(writer)
            self.manifest.finish()
            shared = shared_with_left_out(self.owners, self.manifest.entries)
            return summarize(list(self.manifest.entries.values()), self.kept)._replace(shared=shared)
        finally:
            self.manifest.close()

    @contextmanager
    def _writer(self, advance: Callable[[int], None] = lambda count: None) -> Iterator[Writer]:
        writer = Writer(self.manifest, self.workers, self.network.pixels_ahead, advance)
        try:
            yield writer
            writer.close()
        except BaseException:
            writer.abandon()
            raise

    @contextmanager
    def _pool(self, name: str) -> Iterator[ThreadPoolExecutor]:
        pool = ThreadPoolExecutor(self.workers, name)
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)

    def _make_folders(self) -> None:
        for folder in self.plan.folders:
            if (self.output / folder).is_symlink():
                raise InputError(
                    f"{self.output / folder}: is a link; the output must hold its own folders. Remove it, "
                    "then run the same command again"
                )
        for folder in self.plan.folders:
            (self.output / folder).mkdir(exist_ok=True)
        for folder in ["", *self.plan.folders]:
            sync_folder(self.output / folder)

    def _carry(self, writer: Writer) -> None:
        for entry in self.plan.failures:
            writer.add(Finished(entry, self.output / entry["key"]))
        for key in self.plan.carried:
            # One that was left out is wanted again where its image fails now
            if key not in self.waiting and (key not in self.kept or is_left_out(key, self.manifest.entries)):
                writer.submit(partial(carry, self.source / key, self.output / key, key), PIXELS_PER_IMAGE)

    def _refine(self, writer: Writer, pool: ThreadPoolExecutor, missing: set[str]) -> None:
        def content(image: PlannedImage) -> bytes:
            return read_image_file(self.source / image.key)

        planned = batches(self.plan.images, missing, self.network.batch_size)
        for image, made in self.network.refine_ahead(planned, content, pool):
            decision: ImageToWrite | str
            if isinstance(made, str):
                decision = made
            elif self.repair is None:
                decision = ImageToWrite(made.color)
            else:
                decision = self.repair(image.key, made.picture, made.color)
            if isinstance(made, str) or isinstance(decision, str):
                writer.add(Finished(failed(image.key, "image", str(decision)), self.output / image.key))
            else:
                writer.submit(partial(self._write, image.key, made, decision), image.weight)

    def _write(self, key: str, made: Refined, decision: ImageToWrite) -> Finished:
        """Write what was decided for an image. What is wrong with one file becomes a line of the manifest.

        Raises:
            OSError: If it cannot be written; nothing is left of it then.
        """
        picture, final = made.picture, self.output / key
        digest = hashlib.sha256(picture.content).hexdigest()
        entry: ManifestEntry
        if decision.color is None and decision.audit is not None and self.repair is not None and self.repair.leaves_out:
            entry = {"key": key, "kind": "image", "status": LEFT_OUT, "reason": self.repair.reason(key)}
            return Finished({**entry, "input_sha256": digest, "audit": decision.audit}, final)
        try:
            data, stored = picture.content, picture.color  # the original
            if decision.color is not None:
                data, stored = encode(picture, decision.color)
            mode = (self.source / key).stat().st_mode
        except Exception as error:  # whatever an encoder raises concerns this file alone
            return Finished(failed(key, "image", not_written_back(error)), final)
        temporary = write_temporary(final, data, mode)
        entry = {
            "key": key,
            "kind": "image",
            "status": "done",
            "input_sha256": digest,
            "output_sha256": hashlib.sha256(data).hexdigest(),
            "width": picture.seen.width,
            "height": picture.seen.height,
            "mode": picture.seen.mode,
            "mean_absolute_change": mean_absolute_change(picture.color, stored),
        }
        if decision.audit is not None:
            entry["audit"] = decision.audit
        return Finished(entry, final, temporary)

    def _settle_labels(self, writer: Writer) -> None:
        for key in sorted(self.waiting):
            gone = all_left_out(self.owners[key], self.manifest.entries)
            if key not in self.kept or is_left_out(key, self.manifest.entries) != gone:
                work = leave_out if gone else carry
                writer.submit(partial(work, self.source / key, self.output / key, key), PIXELS_PER_IMAGE)

    def _link(self, writer: Writer) -> None:
        entries, folders = self.manifest.entries, {".", *self.plan.folders}
        for wanted in self.plan.links:
            final = self.output / wanted.key
            entry = entries.get(wanted.target)
            owners = self.owners.get(wanted.key)
            if is_left_out(wanted.target, entries) or (owners and all_left_out(owners, entries)):
                reason = "what it belongs to is left out"
                writer.add(Finished({"key": wanted.key, "kind": "link", "status": LEFT_OUT, "reason": reason}, final))
            elif wanted.target not in folders and (entry is None or entry["status"] != "done"):
                writer.add(Finished(failed(wanted.key, "link", "a link to a file that was not written"), final))
            elif wanted.key not in self.kept:
                writer.submit(partial(link, wanted.text, final, wanted.key), 1)
