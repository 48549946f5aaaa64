import io
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table
from rich.text import Text

from refine.benchmark.table import print_table as print_benchmark
from refine.console import heading, result_console, typed
from refine.distances.result import print_table as print_distances
from tests.benchmark.test_table import row
from tests.distances.test_result import score

Capture = pytest.CaptureFixture[str]


class Terminal(io.StringIO):
    """As wide as `COLUMNS` says."""

    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_every_line_and_row_whole(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    console, table = result_console(), Table()
    table.add_column("a heading that is longer than the forty columns of the terminal")
    table.add_row("a cell " * 50)
    console.print(Text("a line " * 50 + "end"))
    console.print(table)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0].endswith("end")
    assert "…" not in "".join(lines)


def test_a_terminal_is_as_wide_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    console = result_console()
    assert console.width == 40
    assert heading("mean\n± std", console) == "mean\n± std"


def test_names_are_printed_as_they_are(capsys: Capture) -> None:
    result_console().print("[bold]a[/bold] :car: 12")
    assert capsys.readouterr().out == "[bold]a[/bold] :car: 12\n"


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
