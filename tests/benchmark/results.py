"""A benchmark's result in memory."""

from refine.benchmark.result import Benchmark, Row


def row(mean: float, p: float | None = None, less: float = 0.0) -> Row:
    """A row of two classes, with a difference of ``less`` to the synthetic one."""
    made: Row = {
        "accuracy": [mean - 0.01, mean + 0.01],
        "balanced_accuracy": [0.5, 0.6],
        "by_class": {"red": [0.25, 0.35], "gre|en_1": [0.7, 0.8]},
        "mean": mean,
        "std": 0.012,
        "interval": [mean - 0.1, mean + 0.1],
        "confusion": [[1]],
        "n_train": 142,
        "n_test": 86,
    }
    if p is not None:
        made["difference"] = {"value": less, "interval": [less - 0.05, less + 0.05], "p": p}
    return made


def benchmark(**rows: Row) -> Benchmark:
    """With the rows ``synthetic``, ``target_supervised`` and some between them."""
    every = {"synthetic": row(0.25), **rows, "target_supervised": row(0.75, 0.0002, 0.5)}
    return {
        "metric": "accuracy",
        "higher_is_better": True,
        "classes": ["red", "gre|en_1"],
        "rows": every,
        "gap_closed": {name: (made["mean"] - 0.25) / 0.5 for name, made in rows.items()},
        "clusters": 86,
        "protocol": "Every row_s the same.",
        "provenance": {},
    }
