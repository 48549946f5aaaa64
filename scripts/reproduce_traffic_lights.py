"""Three translator seeds of each method on the traffic lights, each judged by three seeds of the classifier.

    python scripts/reproduce_traffic_lights.py [--seeds 3] [--methods simgan cyclegan]

Resumable: what stands under checkpoints/reproduce-traffic-lights is not done again. Writes the benchmark
there, a row for each method whose interval covers the draw of a translator, and lights.png.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from row_picture import draw_rows
from torch import Tensor
from traffic_lights import CLASSES, DATA, ROOT, SETTINGS, Commands, train

from refine.data.images import list_images, read_image, resize_levels
from refine.files import write_whole

SHOWN, SIZE = 20, (64, 32)
FOLDER = ROOT / "checkpoints" / "reproduce-traffic-lights"


def main() -> None:
    """Train and refine with each method and seed, and benchmark all of them: a row for each method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=list(SETTINGS), choices=list(SETTINGS))
    args = parser.parse_args()
    os.chdir(ROOT)
    run = Commands()
    sides = ["--synthetic", DATA / "synthetic", "--real", DATA / "real"]
    refined: dict[str, list[str]] = {method: [] for method in args.methods}
    for seed in range(args.seeds):
        folder = FOLDER / f"seed-{seed}"
        more = ["--seed-everything", str(seed), "--model.seed", str(seed), "--data.seed", str(seed)]
        for method in args.methods:
            place = folder / f"{method}-refined"
            if not (folder / method / "metrics.json").is_file():
                train(run, method, folder, more)
                run("evaluate", *sides, "--refined", place, "--output", folder / method / "metrics.json")
            refined[method].append(str(place.relative_to(ROOT)))
    rows = [word for method in args.methods for word in ("--refined", f"{method}={','.join(refined[method])}")]
    run("benchmark", *sides, *rows, "--classes", CLASSES, "--horizontal-flip", "--output", FOLDER / "benchmark")
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


if __name__ == "__main__":
    main()
