"""SIGKILL, SIGTERM, Ctrl-C and SIGHUP at random moments of long commands: message, code, and a second run.

REFINE_STOPS=40 python -m pytest -m slow tests/test_stopped.py -s
"""

import json
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from refine.audit.result import SUMMARY
from refine.methods.checkpoint import read_checkpoint
from tests.apply.tiny import MODULE, save_tiny
from tests.audit.shapes import audit_of, audited
from tests.benchmark.test_run import lamps
from tests.inspect.datasets import class_folders
from tests.report.pages.trees import make
from tests.stopped import run
from tests.training.runs import SMALL, always, assert_equal

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
    for name, level in (("synthetic", 0), ("real", 120)):
        class_folders(root / "pair-small" / name, start=level)
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
                said = kept.get(command, "finished trainings are kept")
                assert said in line or line.endswith("nothing was done"), case
                assert leftovers(root) == [], case
                assert not (output / SUMMARY).exists(), case
            if found.code == first.code and command is audit:
                continue  # it was whole, and a second one is refused
            again = run(command(output), tmp_path / "log")
            assert (again.code, again.error) == (first.code, first.error), case
            assert results(output) == whole, case
            assert leftovers(output) == [], case
    print(f"\n{name}: {first.seconds:.1f} s; stopped {stopped}, the last after {latest:.2f} s")


ENDING = {signal.SIGHUP: 129, signal.SIGTERM: 143, signal.SIGKILL: -9}
"""Codes of what ends a run on another machine."""


def fit(output: Path) -> list[str]:
    pair = [f"--data.{name}={output.parent / 'pair-small' / name}" for name in ("synthetic", "real")]
    where = ["--trainer.default-root-dir", str(output.parent / "runs"), "--run", output.name, "--resume"]
    often = ["--checkpoint-every", "10", "--steps", "60", "--trainer.enable-progress-bar", "false"]
    return ["fit", "-c", "cyclegan", *SMALL["models/cyclegan.yaml"], *pair, *where, *often, "--device", "cpu"]


@pytest.mark.slow
def test_a_stopped_fit_goes_on_where_it_was_bit_for_bit(root: Path, tmp_path: Path) -> None:
    first = run(fit(root / "plain"), tmp_path / "log")
    assert (first.code, first.error) == (0, "")
    whole = read_checkpoint(root / "runs/plain/last.ckpt")["state_dict"]
    draw, resumed = random.Random(8), []
    for number in range(STOPS):
        for kind, code in ENDING.items():
            name = f"{number}-{kind.name}"
            found = run(fit(root / name), tmp_path / "log", kind, draw.uniform(0, first.seconds))
            assert found.code in {0, code}, f"{name}: {found}"
            last = root / "runs" / name / "last.ckpt"
            done = int(read_checkpoint(last)["refine"]["steps_done"]) if last.exists() else 0
            again = run(fit(root / name), tmp_path / "log")
            assert (again.code, again.error) == (0, ""), f"{name}: {again}"
            said = (tmp_path / "log.out").read_text()
            assert (f"resumed at step {done}\n" in said) == (done > 0), f"{name}: {said}"
            assert_equal(read_checkpoint(last)["state_dict"], whole, name)
            assert leftovers(root / "runs") == []
            resumed.append(done)
    assert max(resumed) > 0
    print(f"\nfit: {first.seconds:.1f} s; resumed at {sorted(resumed)}")


@pytest.mark.slow
def test_a_stopped_trial_goes_on_with_what_was_tried(root: Path, tmp_path: Path) -> None:
    sides = [str(root / "pair-small" / name) for name in ("synthetic", "real")]

    def trial(output: Path) -> list[str]:
        return ["try", *sides, "--minutes", "0.1", "--device", "cpu", "--output", str(output)]

    first = run(trial(root / "try-plain"), tmp_path / "log")
    assert (first.code, first.error) == (0, "")
    methods = json.loads((root / "try-plain/try.json").read_text())["methods"]
    draw, kept = random.Random(9), []
    for number in range(max(2, STOPS // 2)):
        for kind, code in ENDING.items():
            output = root / f"try-{number}-{kind.name}"
            found = run(trial(output), tmp_path / "log", kind, draw.uniform(0, first.seconds))
            assert found.code in {0, code}, f"{output.name}: {found}"
            file = output / "try.json"
            before = json.loads(file.read_text())["methods"] if file.exists() else {}
            again = run(trial(output), tmp_path / "log")
            assert (again.code, again.error) == (0, ""), f"{output.name}: {again}"
            result = json.loads(file.read_text())
            assert list(result["methods"]) == list(methods)
            assert {name: result["methods"][name] for name in before} == before
            assert result["recommendation"]["reasons"]
            assert leftovers(output) == []
            kept.append(len(before))
    print(f"\ntry: {first.seconds:.1f} s; methods kept {sorted(kept)}")


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
