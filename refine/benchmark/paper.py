"""A benchmark's tables for papers: Markdown and LaTeX."""

import re
from pathlib import Path

from refine.benchmark.result import Benchmark
from refine.benchmark.wording import (
    BY_CLASS,
    P_HEAD,
    classes_cells,
    closed,
    figure,
    metric_name,
    p_text,
    row_label,
    span,
    title,
    untested_line,
)
from refine.files import write_whole

Cells = list[list[str]]
"""The header, then a line a row; each of equally many cells, the first of them a name."""

LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    **{sign: f"\\{sign}" for sign in "_%&#$"},
}


def write_tables(result: Benchmark, folder: Path) -> None:
    """Write ``benchmark.md`` and ``benchmark.tex``.

    Raises:
        InputError: If they cannot be written.
    """
    write_whole(folder / "benchmark.md", markdown(result).encode("utf-8", "backslashreplace"))
    write_whole(folder / "benchmark.tex", latex(result).encode("utf-8", "backslashreplace"))


def rows_table(result: Benchmark) -> Cells:
    """What each row trained on, and what came of it."""
    metric = f"{metric_name(result)} ± std"
    lines = [["trained on", "images", metric, "95 %", "to synthetic (95 %)", P_HEAD, "gap closed (95 %)"]]
    for name, row in result["rows"].items():
        told = ["", ""]
        if "difference" in row:
            difference = row["difference"]
            apart = figure(difference["value"], result, sign=True)
            told = [f"{apart} ({span(difference['interval'], result, sign=True)})", p_text(difference)]
        metric = f"{figure(row['mean'], result)} ± {figure(row['std'], result)}"
        start = [row_label(name, row), str(row["n_train"]), metric, span(row["interval"], result)]
        lines.append([*start, *told, closed(name, result)])
    return lines


def markdown(result: Benchmark) -> str:
    """Both tables and how they came about, a warning first where there is one."""
    parts = [f"**{_plain(str(result.get('warning')))}**"] if result.get("warning") else []
    parts += [f"{_plain(title(result))}."]
    parts += [f"{_plain(_capital(untested_line(missing)))}." for missing in [result.get("untested")] if missing]
    parts += [_pipes(rows_table(result))]
    parts += [f"{_capital(BY_CLASS[result['metric']])}.", _pipes(classes_cells(result))]
    return "\n\n".join([*parts, _plain(result["protocol"])]) + "\n"


def latex(result: Benchmark) -> str:
    """Both tables, for a document that uses booktabs; what they are stands above them as comments."""
    parts = [_comment(str(result.get("warning")))] if result.get("warning") else []
    parts += [_comment("\\usepackage{booktabs}"), _comment(f"{title(result)}.")]
    parts += [_comment(f"{_capital(untested_line(missing))}.") for missing in [result.get("untested")] if missing]
    parts += [_tabular(rows_table(result))]
    parts += [_comment(f"{_capital(BY_CLASS[result['metric']])}."), _tabular(classes_cells(result))]
    return "\n".join([*parts, _comment(result["protocol"])]) + "\n"


def _pipes(lines: Cells) -> str:
    header, *rest = [[_plain(cell) for cell in line] for line in lines]
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, rule, *rest])


def _tabular(lines: Cells) -> str:
    header, *rest = [" & ".join(_escaped(cell) for cell in line) + r" \\" for line in lines]
    columns = "l" + "r" * (len(lines[0]) - 1)
    inner = ["\\toprule", header, "\\midrule", *rest, "\\bottomrule"]
    return "\n".join([f"\\begin{{tabular}}{{{columns}}}", *(f"  {line}" for line in inner), "\\end{tabular}"])


def _plain(text: str) -> str:
    """Markdown that shows the text as it is, on one line: names of rows and classes are a stranger's."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(text.split()))


def _escaped(text: str) -> str:
    """The same for LaTeX; a minus is a minus."""
    escaped = "".join(LATEX.get(sign, sign) for sign in " ".join(text.split()))
    return re.sub(r"(?<![\w.])([+-])(?=\d)", r"$\1$", re.sub(r"^< (?=\d)", "$<$ ", escaped))


def _comment(text: str) -> str:
    return "% " + " ".join(text.split())


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
