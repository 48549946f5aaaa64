"""A benchmark for people: on the terminal, as tables for papers in Markdown and LaTeX, and its warning."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from rich.console import Console
from rich.text import Text

from refine.benchmark.agreement import ENOUGH
from refine.benchmark.datasets import BASELINES, SYNTHETIC
from refine.benchmark.plan import AGREED, SELF_TRAINING
from refine.benchmark.result import Benchmark, Row, adjusted
from refine.files import write_whole
from refine.report.kit.format import p_text
from refine.report.kit.table import FigureTable, latex, markdown, plain_markdown, terminal_table
from refine.terminal import result_console

SIGNIFICANT = 0.05
"""Adjusted p-values below this are called significant."""

P_HEAD = "p (Holm)"
"""Heading of the p-values: they are adjusted for the number of rows."""


class MetricText(NamedTuple):
    """How a metric is written; shares in per cent."""

    name: str
    by_class: str
    """Title of the table of classes or targets."""
    second: tuple[Literal["balanced_accuracy", "accuracy", "ap50"], str] | None = None
    """Another figure of each row, with its heading."""
    unit: str = " in %"
    points: str = " in percentage points"
    """Unit of a difference."""
    factor: int = 100
    digits: str = ".1f"
    class_digits: str = ".1f"


METRICS = {
    "accuracy": MetricText("accuracy", "recall of each class in %", ("balanced_accuracy", "mean over\nclasses")),
    "miou": MetricText("mIoU", "intersection over union of each class in %", ("accuracy", "of all\npixels")),
    "ap": MetricText("AP", "average precision of each class in %", ("ap50", "at IoU 0.5")),
    "mean_angular_error_degrees": MetricText(
        "angular error",
        "mean absolute error of each angle in radians",
        unit=" in degrees",
        points=" in degrees",
        factor=1,
        digits=".2f",
        class_digits=".4g",
    ),
    "mean_absolute_error": MetricText(
        "mean absolute error",
        "mean absolute error of each target",
        unit="",
        points="",
        factor=1,
        digits=".4g",
        class_digits=".4g",
    ),
}


def print_table(result: Benchmark, console: Console | None = None) -> None:
    """Print a warning; the metric of each row; its difference to the synthetic row; and each class or target."""
    console = console or result_console()
    if warning := result.get("warning"):
        console.print(Text(warning, style="bold red" if warning.startswith("WARNING") else "bold"))
    for note in notes(result):
        console.print(Text(note))
    tables = [(title(result), _rows_table(result))]
    if any("difference" in row for row in result["rows"].values()):
        text = METRICS[result["metric"]].points
        tables.append((f"difference to synthetic{text}, same images", _differences_table(result)))
    if any(row.get("by_class") for row in result["rows"].values()):
        tables.append((METRICS[result["metric"]].by_class, classes_table(result)))
    for sentence, table in tables:
        console.print(Text(sentence, style="italic"))  # a table's own title would be as narrow as the table
        console.print(terminal_table(table, console, whole_names=True))


def _rows_table(result: Benchmark) -> FigureTable:
    metric, rows = METRICS[result["metric"]], result["rows"]
    second = metric.second if metric.second and metric.second[0] in next(iter(rows.values())) else None
    heads = ["images", f"{metric.name}\nmean ± std", "95 %\ninterval", *(second[1:] if second else ())]
    table = FigureTable(["trained on", *heads, "gap closed\n(95 %)"], [])
    for name, row in rows.items():
        low, high = row["interval"]
        interval = f"{100 * low:.0f}–{100 * high:.0f}"  # noqa: RUF001  # a range
        if not result.get("higher_is_better", True):
            interval = span(row["interval"], result, to="–")  # noqa: RUF001  # a range
        other = [f"{100 * mean(row[second[0]]):.1f}"] if second else []
        start = [row_label(name, row), str(row["n_train"]), _spread(row, result), interval]
        table.rows.append([*start, *other, closed(name, result)])
    return table


def _differences_table(result: Benchmark) -> FigureTable:
    rows = [
        [
            row_label(name, row),
            figure(row["difference"]["value"], result, sign=True),
            span(row["difference"]["interval"], result, sign=True),
            p_text(adjusted(row["difference"])),
        ]
        for name, row in result["rows"].items()
        if "difference" in row
    ]
    return FigureTable(["trained on", "difference", "95 %\ninterval", P_HEAD], rows)


def classes_table(result: Benchmark) -> FigureTable:
    """Each class or target by row, mean over seeds.

    The fewer of classes and rows are columns: pages are higher than wide.
    """
    metric, rows = METRICS[result["metric"]], result["rows"]
    classes = list(next(iter(rows.values())).get("by_class", {}))
    figures = {
        name: [f"{metric.factor * mean(row['by_class'][each]):{metric.class_digits}}" for each in classes]
        for name, row in rows.items()
    }
    if len(classes) < len(rows):
        return FigureTable(["trained on", *classes], [[name, *line] for name, line in figures.items()])
    columns = zip(*figures.values(), strict=True)
    first = "class" if metric.factor == 100 else "target"
    return FigureTable([first, *rows], [[name, *line] for name, line in zip(classes, columns, strict=True)])


def write_tables(result: Benchmark, folder: Path) -> None:
    """Write ``benchmark.md`` and ``benchmark.tex``.

    Raises:
        InputError: If they cannot be written.
    """
    for name, text in (("benchmark.md", benchmark_markdown(result)), ("benchmark.tex", benchmark_latex(result))):
        write_whole(folder / name, text.encode("utf-8", "backslashreplace"))


def rows_table(result: Benchmark) -> FigureTable:
    """Training data and figures of each row, for a paper."""
    metric = f"{METRICS[result['metric']].name} ± std"
    table = FigureTable(
        ["trained on", "images", metric, "95 %", "to synthetic (95 %)", P_HEAD, "gap closed (95 %)"], []
    )
    for name, row in result["rows"].items():
        apart = ["", ""]
        if "difference" in row:
            difference = row["difference"]
            value = figure(difference["value"], result, sign=True)
            apart = [f"{value} ({span(difference['interval'], result, sign=True)})", p_text(adjusted(difference))]
        start = [row_label(name, row), str(row["n_train"]), _spread(row, result), span(row["interval"], result)]
        table.rows.append([*start, *apart, closed(name, result)])
    return table


def benchmark_markdown(result: Benchmark) -> str:
    """Both tables and how they came about, a warning first where there is one."""
    titles, by_class = _titles(result)
    parts = [f"**{plain_markdown(warning)}**" for warning in [result.get("warning")] if warning]
    parts += [*map(plain_markdown, titles), markdown(rows_table(result)), by_class, markdown(classes_table(result))]
    return "\n\n".join([*parts, plain_markdown(result["protocol"])]) + "\n"


def benchmark_latex(result: Benchmark) -> str:
    """Both tables, for a document that uses booktabs; all else stands around them as comments."""
    titles, by_class = _titles(result)
    comments = [*(warning for warning in [result.get("warning")] if warning), "\\usepackage{booktabs}", *titles]
    parts = [*map(_comment, comments), latex(rows_table(result)), _comment(by_class)]
    return "\n".join([*parts, latex(classes_table(result)), _comment(result["protocol"])]) + "\n"


def _titles(result: Benchmark) -> tuple[list[str], str]:
    """Sentences above the first table, and above the second."""
    above = [title(result), *map(_capital, notes(result))]
    return [f"{sentence}." for sentence in above], f"{_capital(METRICS[result['metric']].by_class)}."


def _comment(text: str) -> str:
    return "% " + " ".join(text.split())


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def notes(result: Benchmark) -> list[str]:
    """Name the best recipe, classes that are learned and not tested, and translators that do not agree with others."""
    said = []
    if best := result.get("best"):
        apart, name, second = best["difference"], best["row"], best["second"]
        surely = "" if apart["interval"][0] > 0 or apart["interval"][1] < 0 else "no difference shown: "
        of = f"{figure(apart['value'], result, sign=True)}, 95 % {span(apart['interval'], result, sign=True)}"
        said.append(f"best without real labels: {name}; to {second}, the second, {surely}{of}")
    if chosen := result.get("chosen"):
        free = {SYNTHETIC, f"{SYNTHETIC}{SELF_TRAINING}", *BASELINES}
        unchecked = chosen["row"] not in free and AGREED not in chosen["row"]
        said.append(
            f"chosen without any real label: {chosen['row']}, whose task models predict the same when the "
            f"unlabeled images are changed strongly (agreement beyond chance {chosen['consistency']:.2f})"
            + (chosen["consistency"] < ENOUGH) * f"; below {ENOUGH} that says little"
            + unchecked * "; one folder of a translator cannot tell whether it changes labels: give several seeds"
        )
    if missing := result.get("untested"):
        said.append(f"not tested, since the real images show none: {', '.join(missing)}")
    for name, found in result.get("agreement", {}).items():
        kappa, agreed, each = found["kappa"], found["agreed"], result["provenance"].get("refined")
        folders = each.get(name) if isinstance(each, dict) else None
        among = [kappa[one][other] for one in agreed for other in agreed if one != other]
        line = f"translators of {name}: {len(agreed) or 'no two'} of {len(kappa)} agree on the unlabeled images"
        line += f" (beyond chance {mean(among):.2f})" if among else ": some or all change labels; train more seeds"
        for number in set(range(len(kappa))) - set(agreed) if agreed else ():
            folder = folders[number] if isinstance(folders, list) else f"number {number + 1}"
            line += f"; {folder} does not ({mean([kappa[number][other] for other in agreed]):.2f}): it may change "
            line += "labels, look at its pictures"
        said.append(line)
    return said


def title(result: Benchmark) -> str:
    """What is measured on what."""
    first, metric = next(iter(result["rows"].values())), METRICS[result["metric"]]
    fitted = result["provenance"].get("seeds")  # older files lack them
    figures = first["accuracy"] if "accuracy" in first else next(iter(first["by_class"].values()))
    seeds = len(fitted if isinstance(fitted, list) else figures)
    more = f" ({len(figures)} of rows of one folder)" if len(figures) > seeds else ""  # such as the synthetic row
    scored = result.get("scored", result["classes"])
    of = ", ".join(name for name in scored if name not in result.get("untested", []))
    groups, images = result.get("clusters"), first["n_test"]
    drawn = f" in {groups} groups" if groups is not None and groups != images else ""
    less = "" if result.get("higher_is_better", True) else ", lower is better"
    several = any("translator_means" in row for row in result["rows"].values())
    each = f" of each translator{more}; ± over translators where there are several" if several else ""
    trained = f"{seeds} seed{'s' if seeds > 1 else ''}{each}{less}"
    adapted = result.get("adapted_to")
    way = ""
    if adapted is not None:
        way = " (inductive, if translators saw no real images but those of --unlabeled)"
        if adapted["tested"]:
            way = f" (transductive: {adapted['tested']} of them are among --unlabeled)"
    return f"{metric.name}{metric.unit} on {images} real images{drawn} of {of}{way}; {trained}"


def row_label(name: str, row: Row) -> str:
    """Name of a row, with the number of its translators where there are several."""
    draws = len(row.get("translator_means", []))
    return f"{name} ({draws} translators)" if draws else name


def figure(value: float, result: Benchmark, sign: bool = False) -> str:
    """One value of the metric."""
    metric = METRICS[result["metric"]]
    return f"{metric.factor * value:{'+' if sign else ''}{metric.digits}}"


def span(interval: list[float], result: Benchmark, sign: bool = False, to: str = " to ") -> str:
    """An interval of the metric."""
    return to.join(figure(end, result, sign) for end in interval)


def _spread(row: Row, result: Benchmark) -> str:
    return f"{figure(row['mean'], result)} ± {figure(row['std'], result)}"


def mean(values: list[float]) -> float:
    """Mean over seeds."""
    return sum(values) / len(values)


def closed(name: str, result: Benchmark) -> str:
    """Share of the gap that a row closes, with its interval; empty for the two rows that it lies between."""
    if name not in result["gap_closed"]:
        return ""
    value, interval = result["gap_closed"][name], result.get("gap_closed_interval", {}).get(name)
    if value is None:
        return "not defined"
    ends = "" if interval is None else " ({:.0f} to {:.0f})".format(*(100 * end for end in interval))
    return f"{100 * value:.0f} %{ends}"


def warning_of(result: Benchmark, refined: Sequence[str]) -> str | None:
    """Return the first line: a refined dataset does worse than the synthetic one, or no difference is shown.

    Args:
        result: All rows.
        refined: Names of the rows that were trained on a refined dataset alone.

    Returns:
        None where no refined row has a worse mean than ``synthetic``.
    """
    rows, sign = result["rows"], 1 if result.get("higher_is_better", True) else -1
    lower = [name for name in refined if sign * rows[name]["mean"] < sign * rows[SYNTHETIC]["mean"]]
    if not lower:
        return None
    p = {name: adjusted(rows[name]["difference"]) if "difference" in rows[name] else 0.0 for name in lower}
    surely = [name for name in lower if p[name] < SIGNIFICANT]
    behind = surely or lower
    first = min(behind, key=lambda name: sign * rows[name]["mean"])
    said = f"WARNING: {first} is worse than synthetic" if surely else f"no difference shown of {first} to synthetic"
    metric = METRICS[result["metric"]]
    said += f": {metric.name}{metric.unit} {figure(rows[first]['mean'], result)} against "
    said += figure(rows[SYNTHETIC]["mean"], result)
    if "difference" in rows[first]:
        difference = rows[first]["difference"]
        said += (
            f" (difference {figure(difference['value'], result, sign=True)}, 95 % "
            f"{span(difference['interval'], result, sign=True)}, p = {p_text(adjusted(difference))} (Holm))"
        )
    others = [name for name in behind if name != first]
    return said + (f"; {'so is' if surely else 'nor of'} {', '.join(others)}" if others else "")
