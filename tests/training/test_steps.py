import sys
from types import SimpleNamespace
from typing import Any

import pytest

from refine import terminal
from refine.methods import SimGAN
from refine.methods.base import CHECK_EVERY
from refine.training import steps
from refine.training.steps import Pace, StepProgress, StopOnInterrupt
from tests.methods.steps import run_steps
from tests.methods.test_simgan import batch, small


class Strategy:
    """Counts what the processes tell each other."""

    messages = 0

    def reduce_boolean_decision(self, decision: bool, all: bool) -> bool:
        self.messages += 1
        return decision


@pytest.mark.parametrize(("processes", "messages", "stopped_after"), [(1, 3, 3), (2, 1, CHECK_EVERY)])
def test_several_processes_agree_every_few_steps_and_one_stops_at_once(
    processes: int, messages: int, stopped_after: int
) -> None:
    stop, method, strategy = StopOnInterrupt(), SimGAN(features=4, blocks=1), Strategy()
    trainer: Any = SimpleNamespace(world_size=processes, strategy=strategy, should_stop=False)
    while not trainer.should_stop:
        method.steps_done += 1
        if method.steps_done == 3:
            stop._ask()
        stop.on_train_batch_end(trainer, method)
    assert method.steps_done == stopped_after
    assert strategy.messages == messages
    assert stop.interrupted


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(steps, "time", clock)
    return clock


def trained(
    clock: Clock,
    minutes: float,
    seconds_a_step: float,
    validation: float = 0.0,
    said: list[str] | None = None,
    done_before: int = 0,
) -> tuple[int, float, list[int]]:
    """Steps and seconds that a training takes whose first step is slow, and the numbers of steps that were set."""
    stored: list[int] = []
    method = SimGAN(features=4, blocks=1, steps=10_000, refiner_warmup_steps=20, discriminator_warmup_steps=5)
    strategy = SimpleNamespace(broadcast=lambda value: value)
    trainer: Any = SimpleNamespace(strategy=strategy, val_check_interval=500, is_global_zero=True)
    callback = Pace(minutes, stored.append, print if said is None else said.append)
    method.steps_done = done_before
    clock.now = 1000.0 if done_before else 0.0  # building the callback is not training
    began = clock.now
    callback.on_train_start(trainer, method)
    while method.steps_done < method.steps:
        clock.now += 30 * seconds_a_step if method.steps_done == done_before else seconds_a_step
        method.steps_done += 1
        callback.on_train_batch_end(trainer, method)
        if method.steps_done in (25, 50, 100, 200, 400) or method.steps_done % 500 == 0:
            callback.on_validation_start(trainer, method)
            clock.now += validation
            callback.on_validation_end(trainer, method)
    return method.steps_done, clock.now - began, stored


@pytest.mark.parametrize(
    ("minutes", "seconds", "validation"), [(10, 1.0, 0), (10, 0.1, 5), (2, 0.05, 1), (60, 0.9, 30)]
)
def test_training_ends_in_time(clock: Clock, minutes: float, seconds: float, validation: float) -> None:
    steps, took, stored = trained(clock, minutes, seconds, validation)
    assert took == pytest.approx(60 * minutes, rel=0.1)
    assert stored[-1] == steps


def test_a_run_that_was_stopped_before_it_was_timed_ends_in_time(clock: Clock) -> None:
    _, took, stored = trained(clock, 10, 0.1, done_before=3)
    assert took == pytest.approx(600, rel=0.1)
    assert stored[0] == 5 + 380  # by the two steps since it goes on, of 1.55 s each


def test_a_time_that_is_too_short_leaves_steps_enough_for_both_players(clock: Clock) -> None:
    steps, _, _ = trained(clock, 0.1, 5.0)
    assert steps == 100  # four times the warm-ups


def test_the_time_that_a_run_takes_is_said_after_its_first_steps(clock: Clock) -> None:
    said: list[str] = []
    steps, took, _ = trained(clock, 10, 1.0, 5.0, said)
    assert said[-1].startswith(f"time: {steps} steps in about {round(took / 60)} min, by the speed of the first ")
    assert "were asked for" not in said[-1]


def test_a_run_that_takes_longer_than_asked_says_so(clock: Clock) -> None:
    said: list[str] = []
    _, took, _ = trained(clock, 0.1, 5.0, said=said)
    assert took == 5 * 129
    assert said == [
        "time: 100 steps in about 11 min, by the speed of the first 5; fewer are too few to learn from "
        "(6 s were asked for)"
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_person_sees_steps_and_their_end_and_a_file_sees_nothing(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    run_steps(small(steps=3), [batch(), batch(), batch()], [StepProgress()])
    shown = capsys.readouterr().err
    assert ("SimGAN" in shown and "3/3" in shown) == terminal
    assert (shown == "") == (not terminal)


def test_lines_begin_with_the_name_of_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "FIRST", 0.0)
    run_steps(small(steps=3), [batch(), batch(), batch()], [StepProgress("mine")])
    assert capsys.readouterr().err.startswith("mine: 1 of 3 ")
