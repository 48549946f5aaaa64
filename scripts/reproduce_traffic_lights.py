"""Three translator seeds of each method on the traffic lights, each judged by three seeds of the classifier.

    python scripts/reproduce_traffic_lights.py [--seeds 3] [--methods simgan cyclegan]

Resumable: what stands under checkpoints/reproduce-traffic-lights is not done again. Writes results.json there.
"""

import argparse
import json
import os
import statistics
from typing import TypedDict

from traffic_lights import CLASSES, DATA, ROOT, SETTINGS, Commands, train

from refine.files import write_json


class Spread(TypedDict):
    """Over translator seeds."""

    each: list[float]
    mean: float
    std: float | None


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
        folder = FOLDER / f"seed-{seed}"
        for method in args.methods:
            result = folder / method / "benchmark" / "benchmark.json"
            if not result.is_file():
                more = ["--seed_everything", str(seed), "--model.seed", str(seed), "--data.seed", str(seed)]
                refined = train(run, method, folder, more)
                sides = ["--synthetic", DATA / "synthetic", "--refined", refined, "--real", DATA / "real"]
                run("evaluate", *sides, "--output", folder / method / "metrics.json")
                named = [
                    "--refined",
                    f"{method}={refined.relative_to(ROOT)}",
                    "--classes",
                    CLASSES,
                    "--horizontal-flip",
                ]
                sides = ["--synthetic", DATA / "synthetic", "--real", DATA / "real"]
                run("benchmark", *sides, *named, "--output", result.parent)
            for name, row in json.loads(result.read_text())["rows"].items():
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


if __name__ == "__main__":
    main()
