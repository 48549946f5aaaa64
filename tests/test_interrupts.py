"""Ctrl-C and SIGTERM at known places of each command, and in places where Python drops exceptions."""

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch

from refine import interrupts
from refine.apply.writer import Writer
from refine.audit import training
from refine.benchmark.store import StoredFits
from refine.cli import main
from refine.interrupts import Interrupted, listening
from refine.methods.task import Task
from refine.methods.translator import Translator
from refine.simulators import rendering
from tests.apply.tiny import MODULE, save_tiny
from tests.report.pages.trees import make
from tests.training.runs import always

Pair = tuple[Path, Path]

SIGNALS = pytest.mark.parametrize(("name", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])


def signal_at(monkeypatch: pytest.MonkeyPatch, owner: Any, function: str, name: signal.Signals, call: int = 0) -> None:
    """Send this process the signal where the function is called for that time."""
    real, calls = getattr(owner, function), iter(range(1_000_000))

    def stopping(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == call:
            signal.raise_signal(name)
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, function, stopping)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def audit(pair: Pair, root: Path) -> list[str]:
    quick = ["--steps", "4", "--folds", "2", "--networks", "small-cnn", "--batch-size", "4"]
    return ["audit", "--synthetic", str(pair[0]), "--refined", str(pair[0]), "--output", str(root / "out"), *quick]


def benchmark(pair: Pair, root: Path) -> list[str]:
    quick = ["--steps", "2", "--seeds", "1", "--batch-size", "4", "--baselines", "none", "--size", "8x8"]
    folders = ["--synthetic", str(pair[0]), "--refined", f"gan={pair[0]}", "--real", str(pair[1])]
    return ["benchmark", *folders, "--output", str(root / "out"), *quick]


def tune(pair: Pair, root: Path) -> list[str]:
    model = ["--checkpoint", str(save_tiny(root / "tiny.ckpt")), "--trust", MODULE, "--device", "cpu"]
    judge = ["--judge", str(root / "judge" if (root / "judge").exists() else always(root / "judge"))]
    folders = ["--synthetic", str(pair[0]), "--real", str(pair[1]), "--output", str(root / "out")]
    return ["tune-strength", *folders, *model, *judge]


def evaluate(pair: Pair, root: Path) -> list[str]:
    folders = ["--synthetic", str(pair[0]), "--refined", str(pair[0]), "--real", str(pair[1]), "--device", "cpu"]
    return ["evaluate", *folders, "--output", str(root / "out" / "metrics.json")]


def inspect(pair: Pair, root: Path) -> list[str]:
    return ["inspect", str(pair[0]), "--output", str(root / "out")]


def report(pair: Pair, root: Path) -> list[str]:
    trees = make(root / "trees")
    folders = ["--synthetic", str(trees.synthetic), "--refined", str(trees.refined), "--real", str(trees.real)]
    return ["report", *folders, "--output", str(root / "out" / "page.html")]


def render(pair: Pair, root: Path) -> list[str]:
    return ["render", "digits", "--count", "20", "--output", str(root / "out")]


def export(pair: Pair, root: Path) -> list[str]:
    checkpoint = ["--checkpoint", str(save_tiny(root / "tiny.ckpt")), "--trust", MODULE]
    return ["export", *checkpoint, "--output", str(root / "out")]


def apply(pair: Pair, root: Path) -> list[str]:
    checkpoint = ["--checkpoint", str(save_tiny(root / "tiny.ckpt")), "--trust", MODULE, "--device", "cpu"]
    return ["apply", *checkpoint, "--input", str(pair[0]), "--output", str(root / "out"), "--batch-size", "2"]


@pytest.mark.parametrize(
    ("command", "owner", "function", "call", "name", "kept"),
    [
        # Lightning answers Ctrl-C and SIGTERM with codes of its own.
        (audit, Task, "training_step", 5, signal.SIGINT, "what is finished is kept"),
        (audit, Task, "training_step", 5, signal.SIGTERM, "what is finished is kept"),
        (audit, training, "write_json", 0, signal.SIGINT, "what is finished is kept"),
        (benchmark, Task, "training_step", 3, signal.SIGINT, "finished trainings are kept"),
        (benchmark, StoredFits, "save", 2, signal.SIGTERM, "finished trainings are kept"),
        (tune, Translator, "refine", 0, signal.SIGTERM, "nothing is kept"),
        (evaluate, os, "fsync", 0, signal.SIGINT, "nothing is kept"),
        (inspect, os, "fsync", 1, signal.SIGTERM, "nothing is kept"),
        (report, os, "fsync", 0, signal.SIGINT, "nothing is kept"),
        (render, rendering, "draw_digit", 9, signal.SIGTERM, "nothing is kept"),
        (export, safetensors.torch, "save", 0, signal.SIGINT, "nothing is kept"),
        (apply, Writer, "submit", 3, signal.SIGTERM, "what is finished is kept"),
    ],
)
def test_a_stop_is_one_line_and_leaves_nothing_half_done(
    command: Callable[[Pair, Path], list[str]],
    owner: Any,
    function: str,
    call: int,
    name: signal.Signals,
    kept: str,
    pair: Pair,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    args = command(pair, tmp_path)
    inputs = files(tmp_path)
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
    with monkeypatch.context() as patch:
        signal_at(patch, owner, function, name, call)
        assert main(args) == 128 + name
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"refine: stopped by {'Ctrl-C' if name == signal.SIGINT else 'SIGTERM'}; {kept}")
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)] == handlers
    left = files(tmp_path) - inputs
    assert not [each for each in left if "tmp" in each.replace("refine-tmp", "")], left
    assert not left & {"out/audit.json", "out/benchmark.json", "out/tune-strength.json", "out/page.html"}
    assert main(args) in {0, 1}
    assert capsys.readouterr().err == ""


class Dropping:
    """Python prints what its `__del__` raises, and goes on."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_what_python_drops_is_raised_again_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(interrupts, "RETRY", 0.05)

    def work() -> None:
        Dropping()
        time.sleep(5)

    with pytest.raises(Interrupted), listening():
        work()
    assert capfd.readouterr().err == ""


def test_clean_up_that_takes_long_is_not_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "RETRY", 0.05)
    cleaned = False

    def work() -> None:
        nonlocal cleaned
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            time.sleep(0.3)
            cleaned = True

    with pytest.raises(Interrupted), listening():
        work()
    assert cleaned


def test_an_import_is_not_torn_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "imported_late.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\nwhole = True\n")
    monkeypatch.syspath_prepend(tmp_path)

    def work() -> None:
        assert importlib.import_module("imported_late").whole
        time.sleep(5)

    with pytest.raises(Interrupted), listening():
        work()


def test_a_forked_worker_leaves_ctrl_c_to_its_parent_and_ends_quietly_on_sigterm() -> None:
    with listening():
        child = os.fork()
        if child == 0:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 143


def until_it_listens(process: "subprocess.Popen[str]") -> None:
    for _ in range(1000):
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
        if caught >> (signal.SIGTERM - 1) & 1 or process.poll() is not None:
            return
        time.sleep(0.01)


@SIGNALS
def test_a_stop_while_torch_is_imported_is_one_line_too(name: signal.Signals, code: int, pair: Pair) -> None:
    words = [sys.executable, "-m", "refine", *evaluate(pair, pair[0].parent)]
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs the tests may ignore it, as nohup does
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        signal.signal(signal.SIGHUP, before)
        until_it_listens(process)
        time.sleep(0.3)
        process.send_signal(name)
        _, error = process.communicate(timeout=60)
    assert process.returncode == code
    (line,) = error.splitlines()
    assert line.startswith("refine: stopped by ")


SLOW_TO_END = """
import time
from refine import interrupts
interrupts.listen(begun=False).kept = "something is kept"
interrupts.begin()
try:
    print("works", flush=True)
    time.sleep(60)
finally:
    print("cleans up", flush=True)
    time.sleep(60)
"""


def test_a_second_ctrl_c_ends_at_once() -> None:
    pipe = subprocess.PIPE
    words = [sys.executable, "-c", SLOW_TO_END]
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        for line in ("works", "cleans up"):
            assert process.stdout.readline() == f"{line}\n"
            process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert error == "refine: stopped by Ctrl-C, at once; something is kept\n"


def test_a_hang_up_is_ignored_where_it_was_as_under_nohup(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        signal_at(monkeypatch, Path, "is_dir", signal.SIGHUP)
        assert main(["inspect", str(pair[0])]) in {0, 1}
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
