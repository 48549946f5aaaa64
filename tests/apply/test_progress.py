import sys

import pytest

from refine.apply.progress import bar


def test_a_terminal_gets_a_bar_and_a_pipe_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with bar(3, "refining") as advance:
        advance(3)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with bar(3, "refining") as advance:
        advance(3)
    shown = capsys.readouterr()
    assert "refining" in shown.err
    assert "3/3" in shown.err
    assert shown.out == ""
