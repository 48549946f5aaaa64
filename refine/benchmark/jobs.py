"""All fits of a plan: those that are stored are read, the others run here or in several processes."""

import sys
from collections.abc import Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from refine.benchmark.plan import Fit, Plan
from refine.benchmark.stored import StoredFits
from refine.devices import devices_of_jobs, threads_of_job
from refine.errors import InputError
from refine.progress import counted
from refine.workers import spread


def run_fits(plan: Plan, stored: StoredFits, jobs: int) -> dict[Fit, Tensor]:
    """The predictions of every fit, each stored when it is there.

    Args:
        plan: What to fit.
        stored: Where predictions lie.
        jobs: Processes at a time. With 1, this one alone. They share its threads: with as many each, the
            figures are the same.

    Raises:
        InputError: If a process dies, or predictions cannot be written.
    """
    found: dict[Fit, Tensor] = {}
    todo: list[Fit] = []
    for fit in plan.fits():
        old = stored.load(fit)
        if old is None:
            todo.append(fit)
        else:
            found[fit] = old
    other = sum(stored.path(fit).exists() for fit in todo)
    if other:
        print(
            f"{stored.folder}: {other} of {len(found) + len(todo)} fits are done anew: what is stored there was made "
            "of other images, labels, settings or versions, or was cut short",
            file=sys.stderr,
        )
    fitted = _here(plan, todo) if jobs == 1 or len(todo) < 2 else _spread(plan, todo, jobs)
    with counted(len(found) + len(todo), "benchmark", len(found)) as advance, closing(fitted):
        for fit, predictions in fitted:
            stored.save(fit, predictions)
            found[fit] = predictions
            advance(1)
    return found


def _here(plan: Plan, fits: Sequence[Fit]) -> Generator[tuple[Fit, Tensor], None, None]:
    for fit in fits:
        yield fit, plan.predictions(fit)


def _spread(plan: Plan, fits: Sequence[Fit], jobs: int) -> Generator[tuple[Fit, Tensor], None, None]:
    try:
        with closing(spread(_fit, fits, _shares(plan, min(jobs, len(fits))))) as fitted:
            for fit, predictions in fitted:
                yield fit, torch.from_numpy(predictions)
    except BrokenProcessPool as error:
        raise InputError(
            "a process of the benchmark died, most likely for want of memory; give fewer --jobs (the same command "
            "goes on where it stopped)"
        ) from error


class _Share(NamedTuple):
    """A process's own."""

    plan: Plan
    threads: int


def _shares(plan: Plan, jobs: int) -> list[_Share]:
    places = devices_of_jobs(plan.protocol.device, jobs, torch.cuda.device_count())
    protocols = [replace(plan.protocol, device=place) for place in places]
    return [_Share(replace(plan, protocol=protocol), threads_of_job(jobs)) for protocol in protocols]


def _fit(share: _Share, fit: Fit) -> Any:
    torch.set_num_threads(share.threads)
    plan = share.plan
    return plan.predictions(fit).numpy()  # an array: tensors would take shared memory, of which containers have little
