"""Three translator seeds of each method on the traffic lights, each judged by three seeds of the classifier.

    python scripts/reproduce_traffic_lights.py [--seeds 3] [--methods simgan cyclegan]

Resumable: what stands under checkpoints/reproduce-traffic-lights is not done again. Writes results.json there.
"""

import argparse
import json
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import torch
from row_picture import draw_rows
from torch import Tensor
from traffic_lights import CLASSES, DATA, ROOT, SETTINGS, Commands, train

from refine.data.images import list_images, read_image, resize_levels
from refine.files import write_json, write_whole


class Spread(TypedDict):
    """Over translator seeds."""

    each: list[float]
    mean: float
    std: float | None


SHOWN, SIZE = 20, (64, 32)
FOLDER = ROOT / "checkpoints" / "reproduce-traffic-lights"


def main() -> None:
    """Train, refine, benchmark, and print mean and spread over translator seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=list(SETTINGS), choices=list(SETTINGS))
    args = parser.parse_args()
    os.chdir(ROOT)
    run = Commands()
    rows: dict[str, list[dict[str, list[float]]]] = {}
    for seed in range(args.seeds):
        measured = benchmark(run, args.methods, seed)
        for name, row in measured.items():
            rows.setdefault(name, []).append({key: row[key] for key in ("accuracy", "balanced_accuracy")})
    summary: dict[str, dict[str, Spread]] = {}
    print()
    for name, seeds in rows.items():
        line: dict[str, Spread] = {}
        for key in ("accuracy", "balanced_accuracy"):
            means = [statistics.mean(seed[key]) for seed in seeds]
            line[key] = {
                "each": means,
                "mean": statistics.mean(means),
                "std": statistics.stdev(means) if means[1:] else None,
            }
        summary[name] = line
        each = ", ".join(f"{value:.1%}" for value in line["accuracy"]["each"])
        print(f"{name:<24} accuracy {line['accuracy']['mean']:.1%} ({each})")
    write_json(summary, FOLDER / "results.json")
    write_whole(FOLDER / "lights.png", picture(args.methods))
    print(f"written to {FOLDER}")


def picture(methods: Sequence[str]) -> bytes:
    """Every so many simulated lights, what each method of seed 0 makes of them, and real ones."""
    folders = {"simulator": DATA / "synthetic"}
    folders |= {method: FOLDER / "seed-0" / f"{method}-refined" for method in methods}
    rows = [(name, _strip(folder)) for name, folder in folders.items()]
    return draw_rows([("traffic lights", [*rows, ("real", _strip(DATA / "real"))])])


def _strip(folder: Path) -> Tensor:
    paths = [path for name in CLASSES.split(",") for path in list_images(folder / name)]
    chosen = [paths[round(at * (len(paths) - 1) / (SHOWN - 1))] for at in range(SHOWN)]
    return torch.stack([resize_levels(read_image(path, 3), SIZE) for path in chosen])


def benchmark(run: Commands, methods: Sequence[str], seed: int) -> dict[str, dict[str, list[float]]]:
    """Rows of one translator seed, from disk where all of them stand there."""
    folder = FOLDER / f"seed-{seed}"
    result = folder / "benchmark" / "benchmark.json"
    measured = json.loads(result.read_text())["rows"] if result.is_file() else {}
    if not set(methods) <= measured.keys():
        more = ["--seed_everything", str(seed), "--model.seed", str(seed), "--data.seed", str(seed)]
        sides = ["--synthetic", DATA / "synthetic", "--real", DATA / "real"]
        named: list[str] = []
        for method in methods:
            refined = folder / f"{method}-refined"
            if not (folder / method / "metrics.json").is_file():
                train(run, method, folder, more)
                run("evaluate", *sides, "--refined", refined, "--output", folder / method / "metrics.json")
            named += ["--refined", f"{method}={refined.relative_to(ROOT)}"]
        run("benchmark", *sides, *named, "--classes", CLASSES, "--horizontal-flip", "--output", result.parent)
        measured = json.loads(result.read_text())["rows"]
    return dict(measured)


if __name__ == "__main__":
    main()
