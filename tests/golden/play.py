"""Runs command lines of the tree that it is given, each in a process forked for it. A program of its own: it takes
nothing from `tests`, which another tree has as well.

Reads tasks as lines of JSON, answers each with a line: its exit code (negative: the signal that ended it) and seconds.
"""

import json
import os
import pkgutil
import random
import resource
import signal
import sys
import time
import tomllib
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

OTHERS = """h5py av pycocotools.mask scipy.io scipy.stats scipy.ndimage onnx onnxscript matplotlib.pyplot
tensorboard.backend lightning.pytorch.cli PIL.Image safetensors.torch"""
"""Modules that commands import when needed: here once, instead of in each process. onnxruntime starts a thread."""


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    entry = load(Path(sys.argv[1]))
    answers.write(json.dumps({"ready": True}) + "\n")
    for line in sys.stdin:
        answers.write(json.dumps(perform(entry, **json.loads(line))) + "\n")


def load(tree: Path) -> Callable[[], object]:
    """Import all of the tree's package, in one thread, and return what its program `refine` calls."""
    import refine

    if not Path(refine.__file__).is_relative_to(tree):
        raise SystemExit(f"{refine.__file__} is not the package of {tree}")
    for module in pkgutil.walk_packages(refine.__path__, "refine."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    for name in OTHERS.split():
        with suppress(ImportError):
            import_module(name)
    import torch

    torch.set_num_threads(1)
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        raise SystemExit("an import has started a thread: a fork could take a lock that nobody opens again")
    scripts = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    name, _, function = scripts["refine"].partition(":")
    found: Callable[[], object] = getattr(import_module(name), function)
    return found


def perform(
    entry: Callable[[], object], args: list[str], cwd: str, log: str, limit: float, die_at: tuple[str, int] | None
) -> dict[str, float]:
    """Run one command line.

    Args:
        entry: The program.
        args: Its arguments.
        cwd: The folder to run in.
        log: What it prints goes to this path with ``.out`` and ``.err``.
        limit: Seconds of processor time after which it is killed; and twenty times as long by the clock.
        die_at: A function of `os`, and the number of the call (from 0) that kills the process.
    """
    began = time.monotonic()
    process = os.fork()
    if not process:
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit)))
        _child(entry, args, cwd, log, die_at)
    while True:
        ended, status, usage = os.wait4(process, os.WNOHANG)
        if ended:
            return {"code": os.waitstatus_to_exitcode(status), "seconds": usage.ru_utime + usage.ru_stime}
        if time.monotonic() - began > 20 * limit:
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
        time.sleep(0.01)


def _child(
    entry: Callable[[], object], args: Iterable[str], cwd: str, log: str, die_at: tuple[str, int] | None
) -> None:
    import torch

    torch.set_num_threads(1)  # makes the pool anew that the fork has lost, before several threads would at once
    code = 70
    try:
        os.setsid()
        os.chdir(cwd)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for descriptor, suffix in ((1, ".out"), (2, ".err")):
            os.dup2(os.open(log + suffix, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
        _seed()
        if die_at is not None:
            _kill_at(*die_at)
        sys.argv = ["refine", *args]
        code = _exit_code(entry)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)


def _exit_code(entry: Callable[[], object]) -> int:
    try:
        entry()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _seed() -> None:
    import numpy as np
    import torch

    random.seed(0)
    np.random.seed(0)  # whatever still draws from it
    torch.manual_seed(0)


def _kill_at(name: str, count: int) -> None:
    real, calls = getattr(os, name), iter(range(1_000_000))

    def deadly(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)

    setattr(os, name, deadly)


if __name__ == "__main__":
    main()
