"""CyCADA's digits table: a classifier for unlabeled digits of one kind, from labeled digits of another.

    python scripts/reproduce_digits.py --small            # 2 CPU cores; run again for further seeds
    python scripts/reproduce_digits.py --jobs 6           # one GPU: three seeds, both directions side by side

Resumable: what stands under the output folder is not done again, and a fit that was stopped goes on. Labels of the
target's training images are read by the row "target-supervised" alone. Writes results.json, table.md and digits.png.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import torch
from digits import Name, OutOfTime
from digits_report import draw, table
from digits_rows import FULL, ROWS, SMALL, Setting, Unit, run_row

from refine.errors import InputError
from refine.files import write_whole
from refine.json_files import write_json

ROOT = Path(__file__).resolve().parents[1]
DIRECTIONS: tuple[tuple[Name, Name], ...] = (("usps", "mnist"), ("mnist", "usps"))


def main() -> int:
    """Run what is missing, then print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="small networks and few steps, for CPU cores")
    parser.add_argument(
        "--seeds", type=int, default=None, help="so many in all; default: 3, with --small one more than there are"
    )
    parser.add_argument(
        "--rows", nargs="+", choices=list(ROWS), default=list(ROWS), metavar="ROW", help=", ".join(ROWS)
    )
    parser.add_argument("--jobs", type=int, default=2, help="seeds and directions that run side by side")
    parser.add_argument("--minutes", type=float, default=None, help="stop and save after about so long")
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data", help="holds mnist/mnist.npz and usps/usps.npz"
    )
    parser.add_argument("--output", type=Path, default=None, help="default: checkpoints/reproduce-digits/SETTING")
    args = parser.parse_args()
    setting = SMALL if args.small else FULL
    folder = args.output or ROOT / "checkpoints" / "reproduce-digits" / setting.name
    seeds = args.seeds or (min(3, _finished(folder, args.rows) + 1) if args.small else 3)
    units = [Unit(seed, *direction, folder, args.data) for seed in range(seeds) for direction in DIRECTIONS]
    until = None if args.minutes is None else time.time() + 60 * args.minutes
    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    try:
        with ProcessPoolExecutor(args.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
            running = [pool.submit(_run, unit, setting, args.rows, until, threads) for unit in units]
            whole = False not in [job.result() for job in running]
    except InputError as error:
        print(f"reproduce_digits: {error}", file=sys.stderr)
        return 2
    results = _collect(folder, "accuracy")
    command = f"python scripts/reproduce_digits.py {'--small' if args.small else f'--jobs {args.jobs}'}"
    about = {"setting": asdict(setting), "machine": _machine(), "command": command}
    write_json({**results, **about, "seconds": _collect(folder, "seconds")}, folder / "results.json")
    text = table(results)
    write_whole(folder / "table.md", text.encode())
    write_whole(folder / "digits.png", draw(folder, args.data, DIRECTIONS))
    print(text)
    print(f"written to {folder}")
    if not whole:
        print("out of time: run the same command again to go on", file=sys.stderr)
    return 0 if whole else 3


def _run(unit: Unit, setting: Setting, rows: list[str], until: float | None, threads: int) -> bool:
    """All rows of one seed and direction, in order; False if the time was over first."""
    torch.set_num_threads(threads)
    try:
        for row in ROWS:
            if row in rows:
                started = time.time()
                percent = run_row(row, unit, setting, until)
                took = f"{time.time() - started:5.0f} s"
                print(f"seed {unit.seed} {unit.source}->{unit.target} {row:<24} {percent:6.2f} %  {took}", flush=True)
    except OutOfTime:
        return False
    return True


def _finished(folder: Path, rows: list[str]) -> int:
    """Seeds, from 0 on, of which every row of both directions is done."""
    seed = 0
    while all(Unit(seed, *direction, folder, folder).result(row).is_file() for direction in DIRECTIONS for row in rows):
        seed += 1
    return seed


def _collect(folder: Path, what: str) -> dict[str, dict[str, list[float]]]:
    """Direction to row to one number a seed: ``accuracy`` in percent, or ``seconds`` of the last piece."""
    found: dict[str, dict[str, list[float]]] = {}
    for source, target in DIRECTIONS:
        rows = found.setdefault(f"{source}->{target}", {})
        for row in ROWS:
            name = Unit(0, source, target, Path(), Path()).result(row).relative_to("seed-0")
            files = sorted(folder.glob(f"seed-*/{name}"))
            values = [float(json.loads(file.read_text())[what]) for file in files]
            if values:
                rows[row] = values
    return found


def _machine() -> str:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    return f"{device}, torch {torch.__version__}"


if __name__ == "__main__":
    raise SystemExit(main())
