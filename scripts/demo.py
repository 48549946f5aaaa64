"""`make demo`: traffic lights of a simulator made real, with their labels, on this computer in minutes."""

import json
import os
import shutil
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from traffic_lights import CLASSES, DATA, ROOT, Commands, fit_words, lamps, refine

from refine.apply.label_check import label_files_identical
from refine.json_files import write_json
from refine.report.pages.page import write_report
from refine.report.pages.pictures import write_grid

FOLDER = ROOT / "checkpoints" / "demo"
METHODS = {"simgan": "simgan-averaged", "cyclegan": "cyclegan-local"}
"""Rows, and the settings that each is trained with."""


def demo() -> None:
    """Train, apply, verify, evaluate, benchmark, report."""
    os.chdir(ROOT)  # so that the commands that are shown work as they stand, from the checkout
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    torch.set_num_threads(1)  # the last digits of sums depend on it, and so do hundreds of steps
    synthetic, adapted, held_out = lamps(FOLDER)
    run = Commands()
    data = ["--data.real", str(adapted.relative_to(ROOT))]
    simgan = run.aside(FOLDER / "simgan.log", *fit_words(METHODS["simgan"], FOLDER), *data)
    run(*fit_words("cyclegan-local", FOLDER), *data)
    run.require(simgan.wait())
    refined = {name: refine(run, run_name, FOLDER) for name, run_name in METHODS.items()}
    best = refined["cyclegan"]
    run(
        *("evaluate", "--synthetic", synthetic, "--refined", best, "--real", adapted),
        *("--output", FOLDER / "metrics.json"),
    )
    named = [word for name, folder in refined.items() for word in ("--refined", f"{name}={folder.relative_to(ROOT)}")]
    for real, labeled, output in ((DATA / "real", held_out, FOLDER), (held_out, DATA / "real", FOLDER / "inductive")):
        run(
            *("benchmark", "--synthetic", synthetic, *named, "--real", real, "--real-train", labeled),
            *("--classes", CLASSES, "--size", "64x32", "--horizontal-flip", "--strong", "--steps", 600, "--seeds", 1),
            *("--jobs", 2, "--output", output),
        )

    metrics, benchmark, inductive = (
        json.loads((FOLDER / name).read_text())
        for name in ("metrics.json", "benchmark.json", "inductive/benchmark.json")
    )
    differences = [line for folder in refined.values() for line in label_files_identical(synthetic, folder)]
    report = write_report(
        FOLDER / "report.html",
        synthetic=synthetic,
        refined=best,
        real=adapted,
        metrics=FOLDER / "metrics.json",
        benchmark=FOLDER / "inductive" / "benchmark.json",
        title="Traffic lights: from the simulator to the street",
        commands=run.lines,
        notes=[
            "Tested on lamps of another part of the drive, which no translator saw. One seed of each translator and of "
            "the classifier: README.md has the spread over seeds, and `scripts/headline.py` joins several translators "
            "and adds self-training.",
            "On the lamps that the translators were adapted to: "
            + ", ".join(f"{name} {row['mean']:.1%}" for name, row in benchmark["rows"].items())
            + ".",
        ],
    )
    write_grid(FOLDER / "before_after_real.png", synthetic, best, DATA / "real", count=12)
    distance = {name: row["swd"]["value"] for name, row in metrics["rows"].items()}
    summary = {
        "dataset": "traffic-lights",
        "accuracy": {name: row["accuracy"] for name, row in benchmark["rows"].items()},
        "balanced_accuracy": {name: row["balanced_accuracy"] for name, row in benchmark["rows"].items()},
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
        title="a classifier trained on … and tested on 78 real lamps of a part of the drive that no translator saw "
        "(inductive), and on 86 that they saw without their labels (transductive)"
    )
    columns = ("trained on", "inductive", "mean over\nclasses", "transductive", "mean over\nclasses")
    for column in columns:
        table.add_column(column, justify="left" if column == "trained on" else "right")
    for name, row in inductive["rows"].items():
        figures = [each[key] for each in (row, benchmark["rows"][name]) for key in ("accuracy", "balanced_accuracy")]
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
