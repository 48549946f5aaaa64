"""What a person sees of the digits table: the table itself, and translated digits."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from digits import Name, load, translate
from digits_rows import ROWS, Unit
from row_picture import Rows, draw_rows
from torch import Tensor

from refine.methods import load_translator

Results = Mapping[str, Mapping[str, Sequence[float]]]

PUBLISHED: Results = {
    "usps->mnist": {
        "source only": (69.6,),
        "cycada pixel": (96.4,),
        "cycada pixel on refined": (96.4,),
        "cycada pixel + feature": (96.5,),
        "target-supervised": (99.2,),
    },
    "mnist->usps": {
        "source only": (82.2,),
        "cycada pixel": (95.6,),
        "cycada pixel on refined": (95.6,),
        "cycada pixel + feature": (95.6,),
        "target-supervised": (96.3,),
    },
}
"""CyCADA, arXiv 1711.03213, table 1: percent on the target's test images."""

NOTE = """

"cycada pixel": f_S reads synthetic digits that went there and back. "on refined": it reads refined ones, as published.
"""

SHOWN = 16


def table(results: Results) -> str:
    """Markdown: a row each, mean ± standard deviation over seeds, the published figure beside it."""
    directions = list(results)
    heads = [f"{direction} | published" for direction in directions]
    lines = ["| trained on | " + " | ".join(heads) + " |", "|---" * (1 + 2 * len(directions)) + "|"]
    names = list(dict.fromkeys(name for rows in results.values() for name in rows))
    for name in names:
        cells = [name]
        for direction in directions:
            published = PUBLISHED[direction].get(name)
            cells += [spread(results[direction].get(name, ())), f"{published[0]:.1f}" if published else ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + NOTE


def spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation, and each value."""
    if not values:
        return "-"
    mean = f"{statistics.mean(values):.1f}"
    if len(values) == 1:
        return f"{mean} (one seed)"
    return f"{mean} ± {statistics.stdev(values):.1f} ({', '.join(f'{value:.1f}' for value in values)})"


def draw(folder: Path, data: Path, directions: Sequence[tuple[Name, Name]]) -> bytes:
    """A PNG: the first source digits, what each finished translator of seed 0 makes of them, and target digits."""
    blocks: list[tuple[str, Rows]] = []
    for source, target in directions:
        images = load(data, source, "train").images[:SHOWN]
        rows: list[tuple[str, Tensor]] = [(f"{source} (source)", images)]
        for row in ROWS:
            place = Unit(0, source, target, folder, data).place(row) / "translator" / "last.ckpt"
            if place.is_file():
                rows.append((row, translate(load_translator(place), images)))
        rows.append((f"{target} (target)", load(data, target, "train").images[:SHOWN]))
        blocks.append((f"{source} to {target}", rows))
    return draw_rows(blocks)
