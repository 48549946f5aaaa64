"""Results, commands and progress as people see them."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table
from rich.text import Text

from refine.benchmark.table import print_table as print_benchmark
from refine.distances.result import print_table as print_distances
from refine.terminal import EVERY, FIRST, LATEST, LONG, counted, duration, heading, result_console, track, typed
from tests.benchmark.test_table import row
from tests.distances.test_result import score

Capture = pytest.CaptureFixture[str]


class Terminal(io.StringIO):
    """A stream that keeps what is written to it; as wide as `COLUMNS` says."""

    def __init__(self, person: bool = True) -> None:
        super().__init__()
        self.person = person

    def isatty(self) -> bool:
        return self.person

    @property
    def text(self) -> str:
        return self.getvalue()


def test_a_pipe_gets_every_line_and_row_whole(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    console, table = result_console(), Table()
    table.add_column("a heading that is longer than the forty columns of the terminal")
    table.add_row("a cell " * 50)
    console.print(Text("a line " * 50 + "end"))
    console.print(table)
    console.print("[bold]a[/bold] :car: 12")
    *lines, as_it_is = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0].endswith("end")
    assert as_it_is == "[bold]a[/bold] :car: 12"
    assert "…" not in "".join(lines)


def test_a_terminal_is_as_wide_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    console = result_console()
    assert console.width == 40
    assert heading("mean\n± std", console) == "mean\n± std"


def test_a_command_is_shown_as_it_can_be_typed_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "refine").touch()
    monkeypatch.setattr(sys, "argv", [f"{tmp_path}/refine", "fit"])
    monkeypatch.setattr("shutil.which", lambda name: f"{tmp_path}/{name}")
    assert typed("apply", "my renders") == "refine apply 'my renders'"
    for other in (None, sys.executable):  # another program of this name is found first
        monkeypatch.setattr("shutil.which", lambda name, other=other: other)
        assert typed("apply") == f"{tmp_path}/refine apply"
    monkeypatch.setattr(sys, "argv", ["refine/__main__.py", "fit"])
    assert typed("apply") == f"{sys.executable} -m refine apply"


def test_tables_of_results_keep_their_headings_and_titles_on_one_line(capsys: Capture) -> None:
    distances: Any = {
        "rows": {name: {"swd": score(8.0, 9.0)} for name in ("synthetic", "refined", "real_floor")},
        "warnings": [],
        "provenance": {},
    }
    print_distances(distances)
    heads = capsys.readouterr().out
    for head in ("all images (at the floor's number)", "synthetic (do nothing)", "real against real"):
        assert head in heads
    classes = [f"class number {number}" for number in range(20)]
    iou = {name: [0.5, 0.5] for name in classes}
    benchmark: Any = {
        "metric": "miou",
        "classes": classes,
        "rows": {"synthetic": {**row(0.25), "iou": iou, "by_class": iou}},
        "gap_closed": {},
        "protocol": "",
        "provenance": {},
    }
    print_benchmark(benchmark)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("class number 19; 2 seeds")
    assert any("mIoU mean ± std" in line and "95 % interval" in line and "gap closed" in line for line in lines)
    assert "intersection over union of each class in %" in lines


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still but for what a test adds."""
    now = [100.0]
    monkeypatch.setattr("refine.terminal.time.monotonic", lambda: now[0])
    monkeypatch.setattr("refine.terminal.FIRST", FIRST)
    return now


@pytest.mark.parametrize(
    ("person", "count", "bar"), [(True, LONG, True), (True, LONG - 1, False), (False, LONG, False), (True, 0, False)]
)
def test_a_bar_is_drawn_for_a_person_and_a_long_sequence_only(
    person: bool, count: int, bar: bool, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    terminal = Terminal(person)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", terminal)
    assert list(track(range(count), "read digits")) == list(range(count))
    assert ("read digits" in terminal.text) == bar
    assert bool(terminal.text) == bar
    assert capsys.readouterr().out == ""


def test_items_are_given_one_by_one_and_may_be_left() -> None:
    items = track(range(10 * LONG), "read")
    assert [next(items), next(items)] == [0, 1]


@pytest.mark.parametrize("person", [True, False])
def test_work_in_pieces_is_drawn_for_a_person_and_short_work_is_silent_elsewhere(
    person: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal(person)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", terminal)
    with counted(3, "done before", 3) as advance:
        advance(0)
    assert terminal.text == ""
    with counted(10, "trying strengths", 4, "images") as advance:
        advance(5)
        advance(1)
    assert ("trying strengths" in terminal.text) == person
    assert ("10/10" in terminal.text) == person
    assert bool(terminal.text) == person


def test_where_nobody_looks_on_long_work_says_how_far_it_is_and_when_it_ends(
    clock: list[float], capsys: Capture
) -> None:
    with counted(1000, "audit", unit="judges") as advance:
        for _ in range(1000):
            clock[0] += 0.3  # five minutes in all
            advance(1)
    first, *lines, last = capsys.readouterr().err.splitlines()
    assert first == "audit: 17 of 1000 (1 %), 3.33 judges/s, 5 min left"
    assert last == "audit: 1000 of 1000 in 5 min"
    assert len(lines) == 9  # one every half minute
    assert lines[-1].endswith("25 s left")


@pytest.mark.parametrize(("seconds", "expected"), [(FIRST - 1, 0), (FIRST + 1, 2), (3600, 21), (100 * LATEST, 101)])
def test_a_log_stays_short_however_long_the_work_is(
    seconds: float, expected: int, clock: list[float], capsys: Capture
) -> None:
    pieces = 10_000
    with counted(pieces, "fit") as advance:
        for _ in range(pieces):
            clock[0] += seconds / pieces
            advance(1)
    assert abs(len(capsys.readouterr().err.splitlines()) - expected) <= 1


def test_a_line_comes_now_and_then_even_if_little_was_done(clock: list[float], capsys: Capture) -> None:
    with counted(10_000, "fit") as advance:
        clock[0] += FIRST
        advance(1)
        clock[0] += EVERY
        advance(1)
        assert len(capsys.readouterr().err.splitlines()) == 1
        clock[0] += LATEST
        advance(1)
        assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.2, "59 s"), (61, "1 min"), (3599, "1 h 0 min"), (7320, "2 h 2 min")]
)
def test_durations_are_told_as_people_do(seconds: float, text: str) -> None:
    assert duration(seconds) == text
