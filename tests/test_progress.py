import pytest

from refine.progress import EVERY, FIRST, LATEST, LONG, counted, duration, track


class Terminal:
    """Standard error that keeps what is written to it."""

    def __init__(self, person: bool) -> None:
        self.person, self.text = person, ""

    def isatty(self) -> bool:
        return self.person

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still but for what a test adds."""
    now = [100.0]
    monkeypatch.setattr("refine.progress.time.monotonic", lambda: now[0])
    monkeypatch.setattr("refine.progress.FIRST", FIRST)
    return now


@pytest.mark.parametrize(
    ("person", "count", "bar"), [(True, LONG, True), (True, LONG - 1, False), (False, LONG, False), (True, 0, False)]
)
def test_a_bar_is_drawn_for_a_person_and_a_long_sequence_only(
    person: bool, count: int, bar: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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
    with counted(10, "trying strengths", 4, "images") as advance:
        advance(5)
        advance(1)
    assert ("trying strengths" in terminal.text) == person
    assert ("10/10" in terminal.text) == person
    assert bool(terminal.text) == person


def test_where_nobody_looks_on_long_work_says_how_far_it_is_and_when_it_ends(
    clock: list[float], capsys: pytest.CaptureFixture[str]
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
    seconds: float, expected: int, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    pieces = 10_000
    with counted(pieces, "fit") as advance:
        for _ in range(pieces):
            clock[0] += seconds / pieces
            advance(1)
    assert abs(len(capsys.readouterr().err.splitlines()) - expected) <= 1


def test_a_line_comes_now_and_then_even_if_little_was_done(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with counted(10_000, "fit") as advance:
        clock[0] += FIRST
        advance(1)
        clock[0] += EVERY
        advance(1)
        assert len(capsys.readouterr().err.splitlines()) == 1
        clock[0] += LATEST
        advance(1)
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_where_all_was_done_before_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(True)
    monkeypatch.setattr("sys.stderr", terminal)
    with counted(3, "benchmark", 3) as advance:
        advance(0)
    assert terminal.text == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.2, "59 s"), (61, "1 min"), (3599, "1 h 0 min"), (7320, "2 h 2 min")]
)
def test_durations_are_told_as_people_do(seconds: float, text: str) -> None:
    assert duration(seconds) == text
