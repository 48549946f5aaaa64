"""The report's tables, as rows of text."""

from statistics import mean, stdev

from refine.files import shown
from refine.report.benchmarked import BY_CLASS, SECOND, Benchmark, Row
from refine.report.kit.format import number, p_text, percent
from refine.report.kit.table import Table, without_empty
from refine.report.measured import NAMES, Metrics


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
                    shown(name) + (" (higher is nearer)" if score.higher_is_nearer else ""),
                    number(score.value, 4),
                    " | ".join(str(number) for number in score.n),
                    _ends(score.interval),
                    f"{score.change.value:+.4g}" if score.change else "",
                    _ends(score.change.interval) if score.change else "",
                    "" if score.infinite is None else number(score.infinite, 4),
                    f"{number(floor.value, 4)} ({' | '.join(str(side) for side in floor.n)})" if floor else "",
                ]
            )
    head = ["Images", "Metric", "Distance", "Images a side", "95 % interval", "Change", "95 % of the change"]
    return without_empty(Table([*head, "At infinite number", "At the floor's number"], rows))


def _ends(interval: tuple[float, float] | None) -> str:
    return " to ".join(number(end, 4) for end in interval or ())


def benchmark_table(benchmark: Benchmark) -> Table:
    """One line for each kind of training data: mean ± standard deviation over the seeds."""
    rows = [
        [
            NAMES.get(name, shown(name)) + (f" ({row.translators} translators)" if row.translators > 1 else ""),
            _spread(row.scores, benchmark),
            _shares(row.second),
            benchmark.span(row.interval) if row.interval else "",
            *_compared(row, benchmark),
            _closed(name, benchmark),
            str(row.seeds),
            row.n_train,
            row.n_test,
        ]
        for name, row in benchmark.rows.items()
    ]
    head = [
        "Trained on",
        benchmark.name[0].upper() + benchmark.name[1:] if benchmark.name.islower() else benchmark.name,
        SECOND.get(benchmark.metric, ("", ""))[1],
        "95 % interval",
        "To synthetic, points (95 %)" if benchmark.in_percent else "To synthetic (95 %)",
        "p (Holm)",
        "Gap closed (95 %)",
        "Seeds",
        "Training images",
        "Test images",
    ]
    return without_empty(Table(head, rows))


def _compared(row: Row, benchmark: Benchmark) -> list[str]:
    """The difference to the synthetic row and its p-value."""
    if row.difference is None:
        return ["", ""]
    value, interval, p = row.difference
    ends = f" ({benchmark.differences(interval)})" if interval else ""
    return [benchmark.difference(value).removesuffix(" points") + ends, "" if p is None else p_text(p)]


def _closed(name: str, benchmark: Benchmark) -> str:
    """The share of the gap with its interval."""
    if name not in benchmark.gap_closed:
        return "not defined" if name in benchmark.gap_undefined else ""
    ends = benchmark.gap_intervals.get(name)
    return percent(benchmark.gap_closed[name]) + (f" ({percent(ends[0])} to {percent(ends[1])})" if ends else "")


def classes_table(benchmark: Benchmark) -> Table:
    """One line for each class or target: the mean over seeds for each kind of training data."""
    head = [BY_CLASS.get(benchmark.metric, "Of"), *(NAMES.get(name, shown(name)) for name in benchmark.rows)]

    def cell(value: float) -> str:
        return percent(value) if benchmark.in_percent else number(value, 4)

    return Table(
        head,
        [
            [shown(name), *(cell(scores[row]) if row in scores else "" for row in benchmark.rows)]
            for name, scores in benchmark.by_class.items()
        ],
    )


def _spread(values: list[float], benchmark: Benchmark) -> str:
    """Mean ± standard deviation; of one seed, its value alone."""
    middle = benchmark.text(mean(values))
    if len(values) == 1:
        return middle
    deviation = benchmark.text(stdev(values))
    return f"{middle.removesuffix(' %')} ± {deviation}"


def _shares(shares: list[float]) -> str:
    if not shares:
        return ""
    return f"{100 * mean(shares):.1f} ± {100 * stdev(shares):.1f} %" if len(shares) > 1 else percent(shares[0])
