"""The command line in a process of its own, which a signal stops at a moment of its work."""

import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import torch

from refine import interrupts, terminal
from refine.cli import main

for room in ("audit.run", "audit.table", "benchmark.run", "report.pages.page", "tuning.run", "distances.networks"):
    importlib.import_module(f"refine.{room}")

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


class Stopped(NamedTuple):
    """How a command ended."""

    code: int
    error: str
    """Standard error."""
    seconds: float
    """From its start."""
    overtime: float
    """Seconds from the signal to the end; negative where it ended before."""


def run(args: list[str], log: Path, name: signal.Signals | None = None, moment: float = 0.0) -> Stopped:
    """Run a command, send it a signal after some seconds, wait for it, and see that nothing of it is left running."""
    child: BaseProcess = CONTEXT.Process(target=_command, args=(args, log, name, moment))
    child.start()
    assert child.pid is not None
    child.join(300)
    assert not child.is_alive(), f"{args[0]} hangs"
    assert child.exitcode is not None
    deadline = time.monotonic() + 10  # after SIGKILL its workers have to find out
    while _group_lives(child.pid):
        assert time.monotonic() < deadline, "a process is left"
        time.sleep(0.05)
    began, ended = (float(log.with_suffix(f".{which}").stat().st_mtime) for which in ("began", "err"))
    with contextlib.suppress(FileNotFoundError):
        ended = log.with_suffix(".ended").stat().st_mtime
    return Stopped(child.exitcode, log.with_suffix(".err").read_text(), ended - began, ended - began - moment)


def _command(args: list[str], log: Path, name: signal.Signals | None, moment: float) -> None:
    os.setsid()
    for number, suffix in ((1, ".out"), (2, ".err")):
        with log.with_suffix(suffix).open("wb") as file:
            os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    torch.set_num_threads(1)
    terminal.FIRST = float("inf")  # no lines beside the one that is asked for
    log.with_suffix(".ended").unlink(missing_ok=True)
    log.with_suffix(".began").touch()
    interrupts.listen(begun=False)
    if name is not None:

        def send() -> None:
            time.sleep(moment)
            os.kill(os.getpid(), name)

        threading.Thread(target=send, daemon=True).start()
    code = main(args)
    interrupts.end_with(code)
    log.with_suffix(".ended").touch()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
