"""The work of one run: carry, read, refine, write, and one manifest line for each file."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from refine.apply.container_job import ContainerJob
from refine.apply.containers import PlannedContainer
from refine.apply.files import sync_folder
from refine.apply.image_job import ImageJob
from refine.apply.manifest import Manifest, failed
from refine.apply.network import Network, OutOfMemory
from refine.apply.own_labels import Owners, all_left_out, is_left_out, leave_out, left_out_link, shared_with_left_out
from refine.apply.plan import PIXELS_PER_IMAGE, Plan, batches
from refine.apply.provenance import Settings
from refine.apply.read import Read, read_ahead
from refine.apply.repair import Repair
from refine.apply.resume import drop_stale, lines_within, standing
from refine.apply.summary import ApplySummary, summarize
from refine.apply.write import Finished, Writer, carry, link
from refine.errors import InputError
from refine.progress import counted

AHEAD = 4
"""Batches that are read ahead of the network, and as many that wait behind it to be written."""


class Job:
    """One run over one plan.

    Args:
        source: The dataset, without links in its path.
        output: Where the refined one goes; it exists, and is this run's alone.
        plan: What is to be done.
        network: What refines.
        settings: Flags.
        repair: What is done about an audit's verdicts, if there is one.
        owners: Whose label each file is, where images may be left out.
    """

    def __init__(
        self,
        source: Path,
        output: Path,
        plan: Plan,
        network: Network,
        settings: Settings,
        repair: Repair | None = None,
        owners: Owners | None = None,
    ) -> None:
        self.source, self.output, self.plan, self.network = source, output, plan, network
        self.image_job, self.owners = ImageJob(source, output, repair), owners or {}
        wrong = {image.key for image in plan.images if repair is not None and repair.is_wrong(image.key)}
        self.waiting = [key for key in plan.carried if key in self.owners and self.owners[key] <= wrong]
        """Labels that may go with their images: what becomes of them is known when these are done."""
        self.batch_size, self.workers = settings.batch_size, settings.workers
        self.pixels = AHEAD * PIXELS_PER_IMAGE * settings.batch_size

    def run(self) -> ApplySummary:
        """Do what is not done yet, and leave the manifest sorted.

        Raises:
            InputError: If a folder of the output is a link; nothing is written through it.
            OSError: If the output cannot be written; what is finished is kept.
        """
        manifest = Manifest(self.output)
        try:
            drop_stale(self.plan, manifest, self.output)
            kept = standing(self.plan, manifest, self.source, self.output, self.workers)
            self._make_folders()
            missing = {image.key for image in self.plan.images} - kept
            containers = [container for container in self.plan.containers if container.key not in kept]
            within = lines_within(self.plan, manifest)
            manifest.drop(key for container in containers for key in within.get(container.key, []))
            images = len(missing) + sum(len(container.members) for container in containers)
            with counted(images, "refining", unit="images") as advance:
                self._in_writer(manifest, None, lambda writer: self._carry(writer, kept, manifest))
                self._in_writer(manifest, advance, lambda writer: self._refine(writer, missing))
                self._in_writer(manifest, None, lambda writer: self._refine_containers(writer, containers, advance))
                self._in_writer(manifest, None, lambda writer: self._settle(writer, kept, manifest))
                self._in_writer(manifest, None, lambda writer: self._link(writer, kept, manifest))
            manifest.finish()
            shared = shared_with_left_out(self.owners, manifest.entries)
            return summarize(list(manifest.entries.values()), kept)._replace(shared=shared)
        finally:
            manifest.close()

    def _in_writer(
        self, manifest: Manifest, advance: Callable[[int], None] | None, work: Callable[[Writer], None]
    ) -> None:
        writer = Writer(manifest, self.workers, self.pixels, advance or (lambda count: None))
        try:
            work(writer)
            writer.close()
        except BaseException:
            writer.abandon()
            raise

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

    def _carry(self, writer: Writer, kept: set[str], manifest: Manifest) -> None:
        for entry in self.plan.failures:
            writer.add(Finished(entry, self.output / entry["key"]))
        later = set(self.waiting)
        for key in self.plan.carried:
            # One that was left out is wanted again where its image fails now
            if key not in later and (key not in kept or is_left_out(key, manifest.entries)):
                writer.submit(partial(carry, self.source / key, self.output / key, key), PIXELS_PER_IMAGE)

    def _refine(self, writer: Writer, missing: set[str]) -> None:
        planned = batches(self.plan.images, missing, self.batch_size)
        pool = ThreadPoolExecutor(self.workers, "refine-read")
        try:
            for read in read_ahead(planned, self.source, pool, self.pixels, AHEAD * self.batch_size):
                self._refine_batch(writer, read)
        finally:
            pool.shutdown(cancel_futures=True)

    def _refine_containers(
        self, writer: Writer, containers: list[PlannedContainer], advance: Callable[[int], None]
    ) -> None:
        pool = ThreadPoolExecutor(self.workers, "refine-container")
        try:
            job = ContainerJob(self.source, self.output, self.network, self.batch_size, pool, advance)
            for container in containers:
                writer.add(job(container))
        finally:
            pool.shutdown(cancel_futures=True)

    def _refine_batch(self, writer: Writer, read: Read) -> None:
        for entry in read.failures:
            writer.add(Finished(entry, self.output / entry["key"]))
        if not read.pictures:
            return
        try:
            refined = self.network([picture for _, picture in read.pictures], read.size)
        except OutOfMemory as error:
            for image, _ in read.pictures:
                writer.add(Finished(failed(image.key, "image", str(error)), self.output / image.key))
            return
        for (image, picture), color in zip(read.pictures, refined, strict=True):
            decision = self.image_job.decide(image, picture, color)
            writer.submit(partial(self.image_job.write, image, picture, decision), image.weight)

    def _settle(self, writer: Writer, kept: set[str], manifest: Manifest) -> None:
        for key in self.waiting:
            final = self.output / key
            gone = all_left_out(self.owners[key], manifest.entries)
            if key in kept and is_left_out(key, manifest.entries) == gone:
                continue
            work = leave_out if gone else carry
            writer.submit(partial(work, self.source / key, final, key), PIXELS_PER_IMAGE)

    def _link(self, writer: Writer, kept: set[str], manifest: Manifest) -> None:
        folders = {".", *self.plan.folders}
        for wanted in self.plan.links:
            final = self.output / wanted.key
            entry = manifest.entries.get(wanted.target)
            owners = self.owners.get(wanted.key)
            if is_left_out(wanted.target, manifest.entries) or (owners and all_left_out(owners, manifest.entries)):
                writer.add(Finished(left_out_link(wanted.key), final))
            elif wanted.target not in folders and (entry is None or entry["status"] != "done"):
                writer.add(Finished(failed(wanted.key, "link", "a link to a file that was not written"), final))
            elif wanted.key not in kept:
                writer.submit(partial(link, wanted.text, final, wanted.key), 1)
