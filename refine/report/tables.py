"""The report's tables, as rows of text."""

from statistics import mean, stdev
from typing import NamedTuple

from refine.apply.files import shown
from refine.report.answers import percent
from refine.report.measured import NAMES, Benchmark, Metrics
from refine.report.numbers import number


class Table(NamedTuple):
    """What a page or a terminal shows."""

    head: list[str]
    rows: list[list[str]]
    """The first cell names the row."""


def distances_table(metrics: Metrics) -> Table:
    """One line for each metric and side. Columns that would be empty are left out."""
    rows = []
    for name in metrics.names:
        for side, scores in metrics.rows.items():
            if name not in scores:
                continue
            score = scores[name]
            floor = score.at_floor_n
            rows.append(
                [
                    NAMES.get(side, shown(side)),
                    shown(name),
                    number(score.value, 4),
                    " | ".join(str(number) for number in score.n),
                    " to ".join(number(end, 4) for end in score.interval or ()),
                    f"{number(floor.value, 4)} ({' | '.join(str(side) for side in floor.n)})" if floor else "",
                ]
            )
    head = ["Images", "Metric", "Distance", "Images a side", "Interval", "At the floor's number"]
    return _without_empty(Table(head, rows))


def benchmark_table(benchmark: Benchmark) -> Table:
    """One line for each kind of training data: mean ± standard deviation over the seeds."""
    rows = [
        [
            NAMES.get(name, shown(name)),
            _spread(row.scores),
            _spread(row.balanced),
            " to ".join(f"{100 * end:.1f}" for end in row.interval or ()),
            percent(benchmark.gap_closed[name]) if name in benchmark.gap_closed else "",
            str(len(row.scores)),
            row.n_train,
            row.n_test,
        ]
        for name, row in benchmark.rows.items()
    ]
    head = [
        "Trained on",
        "Accuracy" if benchmark.metric == "accuracy" else benchmark.metric,
        "Balanced accuracy",
        "Interval in %",
        "Gap closed",
        "Seeds",
        "Training images",
        "Test images",
    ]
    return _without_empty(Table(head, rows))


def classes_table(benchmark: Benchmark) -> Table:
    """Of masks: one line for each class, mean intersection over union for each kind of training data."""
    head = ["IoU of", *(NAMES.get(name, shown(name)) for name in benchmark.rows)]
    return Table(
        head,
        [
            [shown(name), *(percent(scores[row]) if row in scores else "" for row in benchmark.rows)]
            for name, scores in benchmark.by_class.items()
        ],
    )


def _spread(shares: list[float]) -> str:
    if not shares:
        return ""
    return f"{100 * mean(shares):.1f} ± {100 * stdev(shares):.1f} %" if len(shares) > 1 else percent(shares[0])


def _without_empty(table: Table) -> Table:
    kept = [place for place in range(len(table.head)) if any(row[place] for row in table.rows)]
    return Table([table.head[place] for place in kept], [[row[place] for place in kept] for row in table.rows])
