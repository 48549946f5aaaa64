import io

from rich.console import Console

from refine.benchmark import print_table
from refine.benchmark.result import Benchmark, Row


def row(mean: float) -> Row:
    return {
        "accuracy": [mean, mean],
        "balanced_accuracy": [0.5, 0.6],
        "mean": mean,
        "std": 0.012,
        "interval": [mean - 0.1, mean + 0.1],
        "confusion": [[1]],
        "n_train": 142,
        "n_test": 86,
    }


def test_shows_each_row_in_per_cent() -> None:
    result: Benchmark = {
        "metric": "accuracy",
        "classes": ["red", "green"],
        "rows": {"synthetic": row(0.25), "cycle[gan]": row(0.6), "target_supervised": row(0.75)},
        "gap_closed": {"cycle[gan]": 0.7},
        "protocol": "",
        "provenance": {},
    }
    text = io.StringIO()
    print_table(result, Console(file=text, width=100))
    lines = text.getvalue().splitlines()
    assert any("86 real images of red, green; 2 seeds" in line for line in lines)
    shown = next(line for line in lines if "cycle[gan]" in line)
    for figure in ("142", "60.0 ± 1.2", "50–70", "55.0", "70 %"):  # noqa: RUF001  # a range
        assert figure in shown
