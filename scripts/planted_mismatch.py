"""How often each method invents a class that only the real images show.

    python scripts/planted_mismatch.py digits|lamps [--seeds 3] [--methods simgan cyclegan] --output FOLDER

The synthetic images lack one class; on the real side it makes up 0, 25 or 50 %. What a method makes of an image is read
by a judge that learned from other labeled real images. Resumable. Writes planted.json, and planted.png: the missing
class's share against how often it was invented, and the distance to the real images against the share of wrong labels.
"""

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import torch
from headline import JOBS, refine, rendered
from matplotlib.figure import Figure
from traffic_lights import CLASSES, DATA, ROOT, further_lamps

from refine.benchmark.fit import Protocol, fit_task, predict
from refine.data.images import list_images
from refine.data.open_layout import open_layout
from refine.data.store import LabeledImages, read_labeled
from refine.errors import InputError
from refine.files import require_output, write_whole
from refine.json_files import write_json
from refine.methods import Task
from refine.report.kit.plot import PRINT, style, write_png

SHARES = (0, 25, 50)
"""Percentages of the real images that show the missing class."""

_SMALL = [
    *("--steps", "400", "--data.batch-size", "4", "--model.features", "16", "--model.blocks", "3"),
    *("--model.discriminator-features", "16", "--model.discriminator-layers", "2", "--model.learning-rate", "5e-4"),
]
METHODS = {
    "color-transfer": ["--steps", "50"],
    "simgan": ["--steps", "600"],
    "cyclegan": _SMALL,
    "cyclegan-matched": [*_SMALL, "--data.matching", "thumbnail"],
    "cut": [*_SMALL, "--model.nce-layers", "[0,4,8,11,14]"],
    "cut-similar": [*_SMALL, "--model.nce-layers", "[0,4,8,11,14]", "--model.similarity-weight", "10"],
    "cycada": _SMALL,
}
"""Flags beside those that `refine fit` takes for small images on a CPU: small networks, equal for all translators. None
was tuned on the results."""

RECIPES = {"cyclegan-matched": "cyclegan", "cut-similar": "cut"}
"""Settings that share a recipe with another."""


class Case(NamedTuple):
    """A pair, and what is planted in it."""

    classes: tuple[str, ...]
    missing: str
    size: tuple[int, int]
    flags: list[str]
    mirrored: bool


CASES = {
    "digits": Case(tuple("0123456789"), "9", (28, 28), ["--data.channels", "1", "--data.crop", "null"], False),
    "lamps": Case(tuple(CLASSES.split(",")), "yellow", (64, 32), ["--data.horizontal-flip", "true"], True),
}


def lay_out(name: str, folder: Path) -> None:
    """The synthetic images without the missing class, `judge` and `pool` of labeled real ones, a real side a share."""
    case, laid = CASES[name], folder / "laid-out"
    if laid.is_file():
        return
    if name == "digits":
        synthetic, real = rendered("digits", 1000, folder / "all"), [ROOT / "datasets" / "digits" / "test"]
    else:
        synthetic, real = DATA / "synthetic", [DATA / "real", further_lamps(folder / "all" / "further")]
    for found in case.classes:
        if found != case.missing:
            shutil.copytree(synthetic / found, folder / "synthetic" / found, dirs_exist_ok=True)
        images = [path for root in real for path in list_images(root / found)]
        for place, path in enumerate(images):
            write_whole(folder / ("pool" if place % 2 else "judge") / found / path.name, path.read_bytes())
    pool = {found: list_images(folder / "pool" / found) for found in case.classes}
    others = [path for found in case.classes if found != case.missing for path in pool[found]]
    count = min(2 * len(pool[case.missing]), len(others))
    for share in SHARES:
        planted = count * share // 100
        spread = [others[at * len(others) // (count - planted)] for at in range(count - planted)]
        for path in [*pool[case.missing][:planted], *spread]:
            write_whole(folder / f"real-{share}" / f"{path.parent.name}-{path.name}", path.read_bytes())
    laid.touch()


def named(method: str, share: int, seed: int) -> str:
    """Name of a run: what other flags made is not taken up."""
    return f"{method}-{share}-{seed}-{hashlib.sha256(json.dumps(METHODS[method]).encode()).hexdigest()[:6]}"


def train(case: Case, method: str, share: int, seed: int, folder: Path) -> int:
    """Fit one method, refine with it, and take the distance; the exit code of what failed."""
    run = named(method, share, seed)
    refined, synthetic, real = folder / f"{run}-refined", folder / "synthetic", folder / f"real-{share}"
    if (folder / f"{run}.json").is_file():
        return 0
    sides = ["--data.synthetic", str(synthetic), "--data.real", str(real)]
    flags = ("--seed-everything", "--model.seed", "--data.seed")
    seeds = [word for flag in flags for word in (flag, str(seed))]
    place = ["--trainer.default-root-dir", str(folder), "--checkpoint-every", "0", "--device", "cpu", "--run"]
    recipe = ["-c", f"models/{RECIPES.get(method, method)}.yaml", *case.flags, *sides, *seeds]
    if method == "cycada":
        judge = ["-c", "models/task.yaml", *case.flags, *sides, *seeds, "--steps", "400", *place, f"{run}-f_S"]
        if code := refine("fit", *judge, "--resume"):
            return code
        recipe += ["--model.task", str(folder / f"{run}-f_S" / "last.ckpt")]
    checkpoint = str(folder / run / "last.ckpt")
    sizes = ["--size", f"{case.size[0]}x{case.size[1]}"]
    return (
        refine("fit", *recipe, *METHODS[method], *place, run, "--resume")
        or refine("apply", "--checkpoint", checkpoint, "--input", str(synthetic), "--output", str(refined))
        or refine(
            *("evaluate", "--synthetic", str(synthetic), "--refined", str(refined), "--real", str(real)),
            *(*sizes, "--output", str(folder / f"{run}.json")),
        )
    )


def labeled(folder: Path, case: Case) -> LabeledImages:
    """The images of a folder with numbers of all classes."""
    channels = 1 if "--data.channels" in case.flags else 3
    layout = open_layout("auto", folder)
    found = read_labeled(layout, channels, case.size)
    places = torch.tensor([case.classes.index(name) for name in layout.label_space.names])
    return found._replace(labels=places[found.labels])


def judged(case: Case, judge: Task, folder: Path) -> tuple[float, float]:
    """How often the missing class is read where it is not, and how often another class than the label, 0 to 1."""
    images = labeled(folder, case)
    read, others = predict(judge, images.images), images.labels != case.classes.index(case.missing)
    invented = (read == case.classes.index(case.missing))[others].float().mean()
    return float(invented), float((read != images.labels)[others].float().mean())


def main(args: Sequence[str] | None = None) -> int:
    """Train all methods, judge what they made, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("case", choices=list(CASES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--output", type=Path, required=True, help="folder; a second call goes on")
    given = parser.parse_args(args)
    case, folder = CASES[given.case], given.output.resolve()
    try:
        if given.seeds < 1:
            raise InputError(f"--seeds is {given.seeds}; expected 1 or more")
        require_output(folder)
        lay_out(given.case, folder)
    except InputError as error:
        print(f"planted_mismatch: {error}", file=sys.stderr)
        return 2
    runs = [(method, share, seed) for seed in range(given.seeds) for share in SHARES for method in given.methods]
    with ThreadPoolExecutor(JOBS) as pool:
        codes = list(pool.map(lambda run: train(case, run[0], run[1], run[2], folder), runs))
    if any(codes):
        return next(code for code in codes if code)
    protocol = Protocol(600, 32, 0 if case.mirrored else 1, case.mirrored, strong=True)
    judge = fit_task(labeled(folder / "judge", case), case.classes, protocol, 0)
    bars = {name: judged(case, judge, folder / name) for name in ("pool", "synthetic")}
    rows: dict[str, dict[str, list[list[float]]]] = {}
    for method, share, seed in runs:
        run = named(method, share, seed)
        distances = json.loads((folder / f"{run}.json").read_text())
        figures = [*judged(case, judge, folder / f"{run}-refined"), distances["rows"]["refined"]["swd"]["value"]]
        rows.setdefault(method, {}).setdefault(str(share), []).append(figures)
    content = {"missing": case.missing, "figures": ["invented", "wrong", "distance"], "unrefined": bars, "rows": rows}
    write_json(content, folder / "planted.json")
    write_png(picture(f"{given.case} without {case.missing}", rows, bars["synthetic"]), folder / "planted.png")
    print(f"written to {folder}")
    return 0


def picture(title: str, rows: dict[str, dict[str, list[list[float]]]], unrefined: tuple[float, float]) -> Figure:
    """Share against invention, and distance against wrong labels: a line a method, its mean over seeds."""
    with style(PRINT):
        figure = Figure(figsize=(11, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        for number, (method, found) in enumerate(rows.items()):
            values = {share: [[100 * a, 100 * b, c] for a, b, c in each] for share, each in found.items()}
            means = [[mean(column) for column in zip(*values[str(share)], strict=True)] for share in SHARES]
            color = f"C{number}"
            left.plot(SHARES, [row[0] for row in means], "o-", color=color, label=method)
            for share in SHARES:
                left.plot([share] * len(values[str(share)]), [row[0] for row in values[str(share)]], ".", color=color)
            right.plot([row[2] for row in means], [row[1] for row in means], "-", color=color, label=method)
            for share, row in zip(SHARES, means, strict=True):
                right.plot(row[2], row[1], "o", color=color, markersize=4 + share / 8)
        for axis, level in ((left, unrefined[0]), (right, unrefined[1])):
            axis.axhline(100 * level, color=PRINT.faint, linestyle=":", label="not refined")
            axis.grid(visible=True)
            axis.set_ylim(bottom=0)
        left.set(xlabel="missing class on the real side, %", ylabel="read as the missing class, %", xticks=SHARES)
        right.set(xlabel="distance to real (larger marks: more planted)", ylabel="read as another class, %")
        left.legend(frameon=False, fontsize=10)
        figure.suptitle(title)
    return figure


if __name__ == "__main__":
    raise SystemExit(main())
