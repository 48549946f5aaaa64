import sys

import pytest

from refine import terminal
from refine.training.step_progress import StepProgress
from tests.methods.steps import run_steps
from tests.methods.test_simgan import batch, small


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
