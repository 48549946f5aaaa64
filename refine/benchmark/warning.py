"""The first line of a benchmark: a refined dataset does worse than the synthetic one, or no difference is shown."""

from collections.abc import Sequence

from refine.benchmark.result import Benchmark
from refine.benchmark.scores import is_worse, worst
from refine.benchmark.wording import SURE, adjusted, figure, metric_name, p_text, span, unit


def warning_of(result: Benchmark, refined: Sequence[str]) -> str | None:
    """One line, or None where no refined row has a worse mean than ``synthetic``.

    Args:
        result: All rows.
        refined: Names of the rows that were trained on a refined dataset alone.
    """
    rows, higher = result["rows"], result.get("higher_is_better", True)
    lower = [name for name in refined if is_worse(rows[name], rows["synthetic"], higher)]
    if not lower:
        return None
    surely = [name for name in lower if "difference" not in rows[name] or adjusted(rows[name]["difference"]) < SURE]
    behind = surely or lower
    first = worst(rows, behind, higher)
    said = f"WARNING: {first} is worse than synthetic" if surely else f"no difference shown of {first} to synthetic"
    told = (
        f"{said}: {metric_name(result)}{unit(result)} "
        f"{figure(rows[first]['mean'], result)} against {figure(rows['synthetic']['mean'], result)}"
    )
    if "difference" in rows[first]:
        difference = rows[first]["difference"]
        told += (
            f" (difference {figure(difference['value'], result, sign=True)}, 95 % "
            f"{span(difference['interval'], result, sign=True)}, p = {p_text(difference)} (Holm))"
        )
    others = [name for name in behind if name != first]
    return told + (f"; {'so is' if surely else 'nor of'} {', '.join(others)}" if others else "")
