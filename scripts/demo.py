"""`make demo`: traffic lights of a simulator made real, with their labels, on this computer in minutes."""

import json
import os
import shutil
from pathlib import Path

from rich.console import Console
from rich.table import Table
from traffic_lights import CLASSES, DATA, ROOT, Commands, further_lamps, train

from refine.apply.label_check import label_files_identical
from refine.json_files import write_json
from refine.report.pages.page import write_report
from refine.report.pages.pictures import write_grid

FOLDER = ROOT / "checkpoints" / "demo"


def demo() -> None:
    """Train, apply, verify, evaluate, benchmark, report."""
    os.chdir(ROOT)  # so that the commands that are shown work as they stand, from the checkout
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    run = Commands()
    refined = {method: train(run, method, FOLDER) for method in ("simgan", "cyclegan")}
    best = refined["cyclegan"]
    sides = ["--synthetic", DATA / "synthetic", "--refined", best, "--real", DATA / "real"]
    run("evaluate", *sides, "--output", FOLDER / "metrics.json")
    named = [word for name, folder in refined.items() for word in ("--refined", f"{name}={folder.relative_to(ROOT)}")]
    common = ["--synthetic", DATA / "synthetic", *named, "--classes", CLASSES, "--horizontal-flip"]
    run("benchmark", *common, "--real", DATA / "real", "--output", FOLDER)
    further = further_lamps(FOLDER / "further-lamps")  # of other parts of the drive: no translator saw them
    apart = ["--real", further, "--real-train", DATA / "real", "--seeds", 1, "--output", FOLDER / "inductive"]
    run("benchmark", *common, *apart)

    metrics, benchmark, inductive = (
        json.loads((FOLDER / name).read_text())
        for name in ("metrics.json", "benchmark.json", "inductive/benchmark.json")
    )
    differences = [line for folder in refined.values() for line in label_files_identical(DATA / "synthetic", folder)]
    report = write_report(
        FOLDER / "report.html",
        synthetic=DATA / "synthetic",
        refined=best,
        real=DATA / "real",
        metrics=FOLDER / "metrics.json",
        benchmark=FOLDER / "benchmark.json",
        title="Traffic lights: from the simulator to the street",
        commands=run.lines,
        notes=[
            "One translator seed and three seeds of the classifier; `scripts/reproduce_traffic_lights.py` runs three.",
            "Tested on the images that the translators were adapted to. On lamps of other parts of the drive: "
            + ", ".join(f"{name} {row['mean']:.1%}" for name, row in inductive["rows"].items())
            + "; `scripts/headline.py` has the recipe for such images.",
        ],
    )
    write_grid(FOLDER / "before_after_real.png", DATA / "synthetic", best, DATA / "real", count=12)
    rows = benchmark["rows"]
    distance = {name: row["swd"]["value"] for name, row in metrics["rows"].items()}
    summary = {
        "dataset": "traffic-lights",
        "accuracy": {name: row["accuracy"] for name, row in rows.items()},
        "balanced_accuracy": {name: row["balanced_accuracy"] for name, row in rows.items()},
        "accuracy_inductive": {name: row["accuracy"] for name, row in inductive["rows"].items()},
        "balanced_accuracy_inductive": {name: row["balanced_accuracy"] for name, row in inductive["rows"].items()},
        "distance": {"name": "swd", **distance},
        "labels_identical": not differences,
    }
    write_json(summary, FOLDER / "summary.json")
    show(benchmark, inductive, distance, differences, report)


def show(
    benchmark: dict[str, dict[str, dict[str, list[float]]]],
    inductive: dict[str, dict[str, dict[str, list[float]]]],
    distance: dict[str, float],
    differences: list[str],
    report: Path,
) -> None:
    """The short table that the demo ends with."""
    console = Console()
    table = Table(
        title="a classifier trained on … and tested on 86 real lamps that the translators saw without their labels (3 "
        "seeds of the classifier), and on 175 lamps of other parts of the drive (1 seed)"
    )
    columns = ("trained on", "accuracy", "mean over\nclasses", "on other\nlamps", "mean over\nclasses")
    for column in columns:
        table.add_column(column, justify="left" if column == "trained on" else "right")
    for name, row in benchmark["rows"].items():
        figures = [(each[key]) for each in (row, inductive["rows"][name]) for key in ("accuracy", "balanced_accuracy")]
        table.add_row(name, *(f"{sum(values) / len(values):.1%}" for values in figures))
    console.print()
    console.print(table)
    before, after, floor = (distance[name] for name in ("synthetic", "refined", "real_floor"))
    console.print(f"distance to real (swd): {before:.0f} before, {after:.0f} after, {floor:.0f} floor")
    console.print(f"labels: {differences or 'all as they were'}")
    console.print(f"report: {report}", soft_wrap=True)
    console.print("on your own data:", soft_wrap=True)
    for line in (
        "try SYNTHETIC PHOTOS",
        "fit -c cyclegan --data.synthetic SYNTHETIC --data.real PHOTOS --minutes 60 --run mine",
        "apply --checkpoint checkpoints/mine/best.ckpt --input SYNTHETIC --output REFINED",
        "evaluate --synthetic SYNTHETIC --refined REFINED --real PHOTOS",
    ):
        console.print(f"  .venv/bin/refine {line}", soft_wrap=True, markup=False)
    if differences:
        raise SystemExit(1)


if __name__ == "__main__":
    demo()
