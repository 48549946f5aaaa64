import io

from rich.console import Console

from refine.metrics import Evaluation, Score, print_table


def score(value: float, at_floor_n: float) -> Score:
    return {"value": value, "n": [50, 50], "at_floor_n": {"value": at_floor_n, "n": [50, 50]}}


def printed(refined: Score) -> str:
    result: Evaluation = {
        "rows": {
            "synthetic": {"fid[inception-768]": score(8.0, 9.0)},
            "refined": {"fid[inception-768]": refined},
            "real_floor": {"fid[inception-768]": score(1.0, 1.0)},
        },
        "provenance": {},
    }
    console = Console(file=io.StringIO(), width=80)
    print_table(result, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_shows_every_side_with_the_metric_by_its_full_name() -> None:
    text = printed(score(4.0, 5.0))
    for part in ("fid[inception-768] (50)", "8 (9)", "4 (5)", "1 (1)"):
        assert part in text


def test_the_arrow_compares_at_the_number_of_the_floor() -> None:
    assert "4 (5) ↓" in printed(score(4.0, 5.0))
    assert "4 (9.5) ↑" in printed(score(4.0, 9.5))
    assert "4 (9) =" in printed(score(4.0, 9.0))
