"""The fuzzer itself: some mutations of some subjects, and faults that are planted on purpose and must be counted."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from refine import cli, methods
from refine.data.layouts import LAYOUTS
from tests.fuzz import run
from tests.fuzz.cases import HOSTILE, Case, case, status
from tests.fuzz.run import Outcome, outcomes, tell
from tests.fuzz.subjects import MODELS, prepare, subjects
from tests.inspect.test_command import writers

NAMES = ("coco", "yolo", "webdataset", "fda")
PREPARED = [subject for subject in subjects() if subject.name in {*NAMES, "simgan.ckpt"}]
WANTED = [subject for subject in PREPARED if subject.name in NAMES]
DATASETS = [subject for subject in WANTED if subject.kind == "dataset"]
Main = Callable[[Sequence[str]], int]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some subjects, written as the fuzzer has them."""
    base = tmp_path_factory.mktemp("subjects")
    prepare(base, PREPARED)
    return base


def whole(name: str) -> Case:
    """A subject to which nothing is done."""
    return Case(-1, next(subject for subject in WANTED if subject.name == name), 0, mutated=False)


def test_mutated_datasets_and_models_are_refused_or_refined_and_nothing_is_counted(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = list(outcomes([case(5, number, DATASETS) for number in range(20)], prepared, tmp_path))
    assert tell(found, 5) == 0, capsys.readouterr().out
    assert all(outcome.done and outcome.ended for outcome in found)
    assert len({ran["code"] for outcome in found for ran in outcome.ended}) > 1


def test_a_hostile_checkpoint_stands_in_the_model_s_place_and_taking_it_is_counted(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [case(0, number, subjects()) for number in (-1 - len(HOSTILE), -2)]
    assert [each.hostile for each in given] == [list(HOSTILE)[-1], next(iter(HOSTILE))]
    for outcome in outcomes(given, prepared, tmp_path / "refused"):
        assert outcome.done == [f"replaced: {outcome.case.hostile}"]
        assert [ran["code"] for ran in outcome.ended] == [2, 2]
        assert outcome.faults == []
    monkeypatch.setattr(cli, "main", lambda arguments: 0)
    (taken,) = outcomes(given[:1], prepared, tmp_path / "taken")
    assert "accepted" in {fault["kind"] for fault in taken.faults}


def test_a_mutation_is_a_function_of_seed_and_number(prepared: Path, tmp_path: Path) -> None:
    def done(seed: int, place: str) -> list[list[str]]:
        found = outcomes([case(seed, number, WANTED) for number in range(4)], prepared, tmp_path / place)
        return [outcome.done for outcome in sorted(found, key=lambda outcome: outcome.case.number)]

    assert done(1, "first") == done(1, "again") != done(2, "other")


def test_every_layout_and_every_method_in_both_forms_is_a_subject() -> None:
    names = [subject.name for subject in subjects()]
    assert len(names) == len(set(names))
    assert sum(subject.kind == "dataset" for subject in subjects()) == len(writers()) > len(LAYOUTS)
    made = {type(make()).__name__ for make in MODELS.values()}
    assert made == {name for name in methods.__all__ if name[0].isupper()} - {"Translator"}
    assert all({name, f"{name}.ckpt"} <= set(names) for name in MODELS)


def planted(fault: Callable[[Sequence[str]], int]) -> Main:
    """The command line, but `apply` does something else as well and ends with its code."""
    real = cli.main

    def main(arguments: Sequence[str]) -> int:
        code = real(arguments)
        return fault(arguments) if arguments[0] == "apply" else code

    return main


def change_a_label(arguments: Sequence[str]) -> int:
    path = Path("out/annotations/instances_train2017.json")
    path.write_bytes(path.read_bytes().replace(b"dog", b"cat"))
    return 0


def raise_an_error(arguments: Sequence[str]) -> int:
    raise KeyError("x")


def wait(arguments: Sequence[str]) -> int:
    time.sleep(600)
    return 0


def take_memory(arguments: Sequence[str]) -> int:
    kept = b"x" * int(run.MOST * 1e6)  # a fork holds less than the process that it comes from
    time.sleep(60)
    return len(kept) & 0


def write_elsewhere(arguments: Sequence[str]) -> int:
    Path("in/new.txt").write_text("new")
    return 0


def refuse_too_late(arguments: Sequence[str]) -> int:
    print("refine: no", file=sys.stderr)
    return 2


def warn(arguments: Sequence[str]) -> int:
    print("x.py:1: UserWarning: deprecated", file=sys.stderr)
    return 0


def say_two_lines(arguments: Sequence[str]) -> int:
    shutil.rmtree("out")
    print("refine: no\nand more", file=sys.stderr)
    return 2


def end_with_seven(arguments: Sequence[str]) -> int:
    return 7


def die(arguments: Sequence[str]) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (change_a_label, "labels"),
        (raise_an_error, "traceback"),
        (wait, "hang"),
        (take_memory, "memory"),
        (write_elsewhere, "outside"),
        (refuse_too_late, "half-made"),
        (warn, "message"),
        (say_two_lines, "message"),
        (end_with_seven, "exit code"),
        (die, "crash"),
    ],
)
def test_a_planted_fault_is_counted(
    fault: Callable[[Sequence[str]], int],
    kind: str,
    prepared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli, "main", planted(fault))
    monkeypatch.setattr(run, "HANG", 4.0 if kind == "hang" else 60.0)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setattr(run, "MOST", status("VmRSS") + (100 if kind == "memory" else 4000))
    (outcome,) = outcomes([whole("coco")], prepared, tmp_path)
    assert kind in {fault["kind"] for fault in outcome.faults}, outcome.faults
    assert tell([outcome], 0) == 1
    assert f"{kind}: coco" in capsys.readouterr().out


def test_a_model_that_takes_more_than_the_good_one_is_counted() -> None:
    good = Outcome(whole("fda"), [], [ran(0.5, 10.0)], [], Path())
    limits = run.limits_of([good])
    assert run.beyond(good, limits).faults == []
    slow, large = (run.beyond(good._replace(ended=[ran(*beyond)]), limits) for beyond in ((2.6, 1.0), (0.1, 511.0)))
    assert [outcome.faults[0]["kind"] for outcome in (slow, large)] == ["slow", "memory"]


def ran(seconds: float, megabytes: float) -> dict[str, object]:
    return {"arguments": ["apply"], "code": 0, "seconds": seconds, "megabytes": megabytes}
