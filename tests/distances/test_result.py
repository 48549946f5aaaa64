import io

from rich.console import Console

from refine.distances.result import Evaluation, Score, print_table


def score(value: float, at_floor_n: float) -> Score:
    return {"value": value, "n": [50, 50], "at_floor_n": {"value": at_floor_n, "n": [50, 50]}}


def printed(
    refined: Score, metric: str = "fid[inception-768]", warnings: list[str] | None = None, higher: bool = False
) -> str:
    floor = score(1.0, 1.0)
    if higher:
        floor["higher_is_nearer"] = True
    result: Evaluation = {
        "rows": {
            "synthetic": {metric: score(8.0, 9.0)},
            "refined": {metric: refined},
            "real_floor": {metric: floor},
        },
        "warnings": warnings or [],
        "provenance": {},
    }
    console = Console(file=io.StringIO(), width=120)
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


def test_shows_the_interval_the_change_and_fid_at_infinite_n() -> None:
    refined = score(4.0, 5.0)
    assert "95 %" not in printed(refined)
    refined["interval"] = [3.25, 4.75]
    refined["change"] = {"value": -4.0, "interval": [-5.5, -2.5], "paired": True}
    refined["infinite"] = {"value": 2.125, "sizes": [], "values": []}
    text = printed(refined)
    assert "95 %: 3.25 … 4.75" in text
    assert "at infinite N: 2.125" in text
    assert "Refining changed fid[inception-768] by -4 (95 %: -5.5 … -2.5)." in text


def test_says_of_which_metrics_more_is_nearer() -> None:
    assert "higher" not in printed(score(4.0, 5.0))
    text = printed(score(0.5, 0.5), "recall[task]", higher=True)
    assert "recall[task] (50)" in text
    assert "higher is nearer" in text


def test_warnings_stand_below() -> None:
    assert "Warning" not in printed(score(4.0, 5.0))
    assert printed(score(4.0, 5.0), warnings=["formats [a] differ"]).endswith("Warning: formats [a] differ.\n")
