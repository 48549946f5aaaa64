import pytest

from refine.progress import LONG, counted, track


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
def test_work_in_pieces_is_counted_for_a_person_only(person: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(person)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", terminal)
    with counted(10, "trying strengths", 4) as advance:
        advance(5)
        advance(1)
    assert ("trying strengths" in terminal.text) == person
    assert ("10/10" in terminal.text) == person
    assert bool(terminal.text) == person


def test_where_all_was_done_before_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(True)
    monkeypatch.setattr("sys.stderr", terminal)
    with counted(3, "benchmark", 3) as advance:
        advance(0)
    assert terminal.text == ""
