"""SIGKILL, SIGTERM and Ctrl-C at random moments of long commands: message, code, nothing left over, and a second run.

REFINE_STOPS=40 python -m pytest -m slow tests/test_stopped.py -s
"""

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from refine.audit.result import SUMMARY
from tests.apply.tiny import MODULE, save_tiny
from tests.audit.shapes import audit_of, audited
from tests.benchmark.test_run import lamps
from tests.report.trees import make
from tests.stopped import run
from tests.training.constant import always

STOPS = int(os.environ.get("REFINE_STOPS", "6"))
"""Moments of each command and signal."""

Command = Callable[[Path], list[str]]


def audit(output: Path) -> list[str]:
    root = output.parent
    return audit_of(root / "synthetic", root / "refined", output)


def benchmark(output: Path, *more: str) -> list[str]:
    root = output.parent
    folders = [word for name in ("synthetic", "refined", "real") for word in (f"--{name}", str(root / f"lamps-{name}"))]
    return ["benchmark", *folders, "--seeds", "2", "--steps", "20", "--output", str(output), *more]


def benchmark_in_processes(output: Path) -> list[str]:
    return benchmark(output, "--jobs", "2")


def tune(output: Path) -> list[str]:
    root = output.parent
    folders = ["--synthetic", str(root / "pair"), "--real", str(root / "pair"), "--judge", str(root / "judge")]
    model = ["--checkpoint", str(root / "tiny.ckpt"), "--trust", MODULE, "--device", "cpu"]
    return ["tune-strength", *folders, *model, "--output", str(output)]


def report(output: Path) -> list[str]:
    root = output.parent / "trees"
    sides = [word for name in ("synthetic", "refined", "real") for word in (f"--{name}", str(root / name))]
    return ["report", *sides, "--output", str(output / "page.html")]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stopped")
    audited(root)
    for name in ("synthetic", "refined", "real"):
        lamps(root / f"lamps-{name}", inverted=name == "synthetic")
    make(root / "trees")
    save_tiny(root / "tiny.ckpt")
    lamps(root / "pair", count=40)
    always(root / "judge", classes=("high", "low", "none"))
    return root


@pytest.mark.slow
@pytest.mark.parametrize("command", [audit, benchmark, benchmark_in_processes, tune, report])
def test_a_stop_says_what_is_kept_and_a_second_run_ends_well(command: Command, root: Path, tmp_path: Path) -> None:
    name = command.__name__
    plain = root / f"{name}-plain"
    first = run(command(plain), tmp_path / "log")
    assert (first.code, first.error) == (1 if command is audit else 0, "")
    whole = results(plain)
    draw, stopped, latest = random.Random(7), dict.fromkeys((130, 143, -9), 0), 0.0
    for number in range(STOPS):
        for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            output = root / f"{name}-{number}-{kind.name}"
            found = run(command(output), tmp_path / "log", kind, draw.uniform(0, first.seconds))
            case = f"{output.name}: {found}"
            if found.code != first.code:
                assert found.code == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[kind], case
                stopped[found.code] += 1
            if found.code > 128:
                latest = max(latest, found.overtime)
                (line,) = found.error.splitlines()
                by = "Ctrl-C" if kind == signal.SIGINT else "SIGTERM"
                assert line.startswith(f"refine: stopped by {by}; "), case
                kept: dict[Command, str] = {
                    audit: "what is finished is kept",
                    tune: "nothing is kept",
                    report: "nothing is kept",
                }
                assert kept.get(command, "finished trainings are kept") in line, case
                assert leftovers(root) == [], case
                assert not (output / SUMMARY).exists(), case
            if found.code == first.code and command is audit:
                continue  # it was whole, and a second one is refused
            again = run(command(output), tmp_path / "log")
            assert (again.code, again.error) == (first.code, first.error), case
            assert results(output) == whole, case
            assert leftovers(output) == [], case
    print(f"\n{name}: {first.seconds:.1f} s; stopped {stopped}, the last after {latest:.2f} s")


def leftovers(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if path.suffix == ".tmp" or ".tmp" in path.name)


def results(output: Path) -> dict[str, bytes]:
    """Every file, but for what names its place."""
    files = (path for path in output.rglob("*") if path.is_file())
    return {
        str(path.relative_to(output)): path.read_bytes().replace(output.name.encode(), b"OUTPUT")
        for path in files
        if path.suffix in {".json", ".jsonl", ".npz", ".md", ".html"}
    }
