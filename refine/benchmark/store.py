"""All fits of a plan: finished ones are read from disk, so that a second run goes on where the first one stopped;
the others run here or in several processes.
"""

import hashlib
import io
import json
import sys
from collections.abc import Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
import torch
from torch import Tensor

import refine
from refine.archives import read_npz
from refine.benchmark.fit import JITTER
from refine.benchmark.plan import CHANGED, FINE_TUNING_RATE, TEST, UNLABELED, Fit, Plan
from refine.data.augment import AFFINE
from refine.devices import devices_of_jobs, threads_of_job
from refine.errors import InputError
from refine.files import write_whole
from refine.labels import KINDS
from refine.terminal import counted
from refine.workers import in_processes

LONGEST_NAME = 80
"""Letters of a row's name in a file's name."""


class StoredFits:
    """Reads and writes the predictions of a plan's fits.

    A file is taken for a fit's only if it was made of the same images, labels, settings and versions.

    Args:
        plan: What predictions follow from.
        folder: Where they lie.
    """

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.sets = {name: images.digest() for name, images in plan.sets.items()}

    def path(self, fit: Fit) -> Path:
        """``ROW-SEED.npz``, or ``ROW-SEED-BLOCK.npz``; of a row's second folder ``ROW,1-SEED.npz``, and so on."""
        block = "" if fit.fold is None else f"-{fit.fold}"
        folder = f",{fit.translator}" if fit.translator else ""  # no row's name has a comma in a file's name
        name = quote(fit.row, safe="+ ")
        if len(name) > LONGEST_NAME:
            name = f"{name[:LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        return self.folder / f"{name}{folder}-{fit.seed}{block}.npz"

    def digest(self, fit: Fit) -> str:
        """Return the hash of everything that a fit's predictions follow from: of the row's folders, the fit's own."""
        plan, real, source = self.plan, self.plan.real_images(fit), self.plan.rows[fit.row]
        protocol = {name: value for name, value in asdict(plan.protocol).items() if name != "strong" or value}
        record: dict[str, object] = {
            "fit": fit[:3],
            "source": source[:3],  # what follows is below, where there is any: fits of before it are still found
            "sets": [self.sets[name] for name in plan.set_names(fit)],
            "test": self.sets[TEST],
            "tested": plan.tested(fit),
            "real": None if real is None else real.digest(),
            "classes": plan.classes,
            # Of devices the kind alone, and no number of threads: fewer --jobs shall find what more of them left.
            "protocol": protocol | {"device": torch.device(plan.protocol.device).type},
            "jitter": JITTER,
            "versions": [refine.__version__, str(torch.__version__)],
        }
        if source.fine_tuned:
            record["fine_tuned"] = FINE_TUNING_RATE
        if source.share is not None:
            record["share"] = source.share
        if source.self_training:
            record["unlabeled"] = self.sets[UNLABELED]
        if (plan.protocol.strong or source.self_training) and KINDS[plan.protocol.kind].one_class:
            record["affine"] = ["pixels", *AFFINE]
        if plan.predicts_unlabeled(fit.row):
            record["also_predicted"] = [self.sets[UNLABELED], self.sets[CHANGED]]
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()

    def load(self, fit: Fit) -> Tensor | None:
        """Return the predictions, if they are there."""
        try:
            digest, predictions = read_npz(self.path(fit), ("digest", "predictions"))
            return torch.from_numpy(predictions) if str(digest) == self.digest(fit) else None
        except (OSError, ValueError, TypeError):  # not there, or cut short: fitted anew
            return None

    def save(self, fit: Fit, predictions: Tensor) -> None:
        """Write the predictions of a finished fit.

        Raises:
            InputError: If the folder cannot be written to.
        """
        content = io.BytesIO()
        np.savez_compressed(content, digest=np.array(self.digest(fit)), predictions=predictions.numpy())
        write_whole(self.path(fit), content.getvalue())


def run_fits(plan: Plan, folder: Path, jobs: int) -> dict[Fit, Tensor]:
    """Return the predictions of every fit; each is stored when it is there.

    Args:
        plan: What to fit.
        folder: Where predictions are stored.
        jobs: Processes at a time. With 1, this one alone. They share its threads: with as many each, the
            figures are the same.

    Raises:
        InputError: If a process dies, or predictions cannot be written.
    """
    stored, fits = StoredFits(plan, folder), plan.fits()
    found = {fit: old for fit in fits if (old := stored.load(fit)) is not None}
    todo = [fit for fit in fits if fit not in found]
    if other := sum(stored.path(fit).exists() for fit in todo):
        print(
            f"{folder}: {other} of {len(fits)} fits are done anew: what is stored there was made of other images, "
            "labels, settings or versions, or was cut short",
            file=sys.stderr,
        )
    alone = jobs == 1 or len(todo) < 2
    fitted = ((fit, plan.predictions(fit)) for fit in todo) if alone else _spread(plan, todo, jobs)
    with counted(len(fits), "benchmark", len(found)) as advance, closing(fitted):
        for fit, predictions in fitted:
            stored.save(fit, predictions)
            found[fit] = predictions
            advance(1)
    return found


def _spread(plan: Plan, fits: Sequence[Fit], jobs: int) -> Generator[tuple[Fit, Tensor], None, None]:
    try:
        with closing(in_processes(_fit, fits, _shares(plan, min(jobs, len(fits))))) as fitted:
            for fit, predictions in fitted:
                yield fit, torch.from_numpy(predictions)
    except BrokenProcessPool as error:
        raise InputError(
            "a process of the benchmark died, most likely for want of memory; give fewer --jobs (the same command "
            "goes on where it stopped)"
        ) from error


class _Share(NamedTuple):
    """Plan and threads of one process."""

    plan: Plan
    threads: int


def _shares(plan: Plan, jobs: int) -> list[_Share]:
    devices = devices_of_jobs(plan.protocol.device, jobs, torch.cuda.device_count())
    protocols = [replace(plan.protocol, device=device) for device in devices]
    return [_Share(replace(plan, protocol=protocol), threads_of_job(jobs)) for protocol in protocols]


def _fit(share: _Share, fit: Fit) -> Any:
    torch.set_num_threads(share.threads)
    return share.plan.predictions(fit).numpy()  # an array: tensors would take shared memory, as in `Plan`
