"""All fits of a plan: those that are stored are read, the others run here or in several processes."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from torch import Tensor

from refine.benchmark.plan import Fit, Plan
from refine.benchmark.stored import StoredFits
from refine.errors import InputError
from refine.progress import counted

_plan: Plan | None = None
"""Of a worker: what its first call brought."""


def run_fits(plan: Plan, stored: StoredFits, jobs: int) -> dict[Fit, Tensor]:
    """The predictions of every fit, each stored when it is there.

    Args:
        plan: What to fit.
        stored: Where predictions lie.
        jobs: Processes at a time. With 1, this one alone; the figures are the same.

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
    with counted(len(found) + len(todo), "benchmark", len(found)) as advance:
        for fit, predictions in _here(plan, todo) if jobs == 1 or len(todo) < 2 else _spread(plan, todo, jobs):
            stored.save(fit, predictions)
            found[fit] = predictions
            advance(1)
    return found


def _here(plan: Plan, fits: Sequence[Fit]) -> Iterator[tuple[Fit, Tensor]]:
    for fit in fits:
        yield fit, plan.predictions(fit)


def _spread(plan: Plan, fits: Sequence[Fit], jobs: int) -> Iterator[tuple[Fit, Tensor]]:
    import torch

    # Not forked: a copy of a process whose torch has started its threads may hang.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(fits)), spawn, initializer=_start, initargs=(plan,)) as pool:
        try:
            waiting = {pool.submit(_fit, fit): fit for fit in fits}
            for done in as_completed(waiting):
                yield waiting[done], torch.from_numpy(done.result())
        except BrokenProcessPool as error:
            raise InputError(
                "a process of the benchmark died, most likely for want of memory; give fewer --jobs (the same command "
                "goes on where it stopped)"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start(plan: Plan) -> None:
    global _plan
    _plan = plan


def _fit(fit: Fit) -> object:
    assert _plan is not None  # the pool calls `_start` first
    return _plan.predictions(fit).numpy()
