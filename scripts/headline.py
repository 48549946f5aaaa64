"""Every figure of the headline table: a classifier tested on real images that no translator was adapted to.

    python scripts/headline.py traffic-lights|digits [--seeds 4] [--test DIR] --output FILE

Trains the recommended recipe on what ships, applies it, and tests on the pair's held-out part, or on
--test DIR (class folders). The recipe is one translator for each seed, those that agree on the unlabeled images joined
(`refine benchmark`), and self-training; of fewer than three that agree, more seeds are trained. The row "best" is the
one that the benchmark chooses without a label. The tested images reach no training: weights are the same with and
without --test. Resumable: what stands under checkpoints/headline is not done again.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from traffic_lights import CLASSES, DATA, LOCAL, RECIPE, ROOT, lamps

from refine.benchmark.result import Benchmark, Row
from refine.errors import InputError
from refine.files import require_output
from refine.json_files import write_json

FOLDER, DIGITS = ROOT / "checkpoints" / "headline", ROOT / "datasets" / "digits"
JOBS = 2

SIMGAN = [
    *("-c", "models/simgan.yaml", "--steps", "450", "--data.batch-size", "8"),
    *("--model.features", "32", "--model.optimizer", "adam", "--model.self-weight", "0.02"),
    *("--model.refiner-warmup-steps", "60", "--model.discriminator-warmup-steps", "30"),
]


class Pair(NamedTuple):
    """Datasets of a pair, and the recommended recipe."""

    lay_out: Callable[[Path], tuple[Path, Path, Path]]
    """Given a folder: the synthetic images, the real ones to adapt to, without labels, and those to test on."""
    labeled: Path
    """Labeled real images for target-supervised, where others are tested on."""
    simgan: list[str]
    translator: list[str]
    """Flags of `refine fit`. What was tried for the lamps stands in datasets/traffic-lights.md."""
    benchmark: list[str]


def digits(folder: Path) -> tuple[Path, Path, Path]:
    """MNIST's own split: training images to adapt to, test images to test on."""
    synthetic = folder / "synthetic"
    if not synthetic.is_dir():
        refine("render", "digits", "--count", "2000", "--seed", "0", "--output", str(synthetic))
    return synthetic, DIGITS / "real", DIGITS / "test"


PAIRS = {
    "traffic-lights": Pair(
        lamps,
        DATA / "real",
        [*SIMGAN, "-c", RECIPE],
        [
            *("-c", "models/cyclegan.yaml", "-c", RECIPE, "--steps", "500", "--data.class-balanced", "false"),
            *LOCAL,
        ],
        ["--classes", CLASSES, "--horizontal-flip", "--steps", "600", "--size", "64x32"],
    ),
    "digits": Pair(
        digits,
        DIGITS / "test",
        [*SIMGAN, "--data.channels", "1", "--data.shift", "1", "--data.crop", "null"],
        [  # those of scripts/digits_rows.py, chosen on USPS and MNIST
            *("-c", "models/cyclegan.yaml", "--steps", "3000", "--data.batch-size", "8"),
            *("--data.channels", "1", "--data.shift", "1", "--data.crop", "null"),
            *("--model.features", "16", "--model.blocks", "3", "--model.identity-weight", "0", "--model.ema", "0.99"),
            *("--model.discriminator-features", "16", "--model.discriminator-layers", "2"),
            *("--model.learning-rate", "1e-3"),
        ],
        ["--shift", "1", "--steps", "1500", "--size", "28x28"],
    ),
}

ROWS = {
    "synthetic": "synthetic",
    "color-transfer": "color_transfer",
    "simgan": "simgan",
    "single-translator": "translator",
    "translator": "translator+agreed",
    "raw-self-training": "synthetic+self_training",
    "single-self-training": "translator+self_training",
    "self-training": "translator+agreed+self_training",
    "simgan-self-training": "simgan+agreed+self_training",
    "target-supervised": "target_supervised",
}
"""Rows of the result by those of the benchmark. Values of translator and self-training leave one of the translators
that agree out in turn, those of single-... are of one translator each, whether it agrees or not."""

SIMGANS = 3
AGREEING = 3
"""Translators that are to agree."""


def main(args: Sequence[str] | None = None) -> int:
    """Train, refine and benchmark; the exit code of the first command that failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pair", choices=list(PAIRS))
    parser.add_argument("--seeds", type=int, default=4, help="translator seeds to begin with (default: 4)")
    parser.add_argument("--test", type=Path, help="other labeled images to test on: class folders")
    parser.add_argument("--output", type=Path, required=True, help="JSON file")
    given = parser.parse_args(args)
    output, test = given.output.resolve(), given.test.resolve() if given.test else None
    try:  # at once, and not after minutes of training
        require_output(output.parent)
        if test is not None and not test.is_dir():
            raise InputError(f"{test}: no such folder (--test); give class folders of labeled images")
        if given.seeds < 2:
            raise InputError(f"--seeds is {given.seeds}; expected 2 or more: translators are held against each other")
    except InputError as error:
        print(f"headline: {error}", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    pair = PAIRS[given.pair]
    folder = FOLDER / f"{given.pair}-{flags_digest(pair)}"  # what other flags made is not taken up
    synthetic, adapted, held_out = pair.lay_out(folder)
    bench = folder / ("benchmark" if test is None else "benchmark-of-test")
    # On other images, target-supervised learns from the labeled ones that ship: the tested ones reach no training.
    supervised = [] if test is None else ["--real-train", str(pair.labeled)]
    for seeds in range(given.seeds, 2 * given.seeds + 1, 2):
        runs = [*(("translator", seed) for seed in range(seeds)), *(("simgan", seed) for seed in range(SIMGANS))]
        with ThreadPoolExecutor(JOBS) as pool:
            codes = list(pool.map(lambda one: train(pair, one[0], one[1], folder, synthetic, adapted), runs))
        if any(codes):
            return next(code for code in codes if code)
        refined = [
            f"--refined={method}={','.join(str(folder / f'{method}-{seed}-refined') for seed in range(count))}"
            for method, count in (("simgan", SIMGANS), ("translator", seeds))
        ]
        code = refine(
            *("benchmark", "--synthetic", str(synthetic), *refined, "--real", str(test or held_out)),
            *("--unlabeled", str(adapted), "--strong", "--seeds", "1", "--jobs", str(JOBS)),
            *(*pair.benchmark, *supervised, "--output", str(bench)),
        )
        if code:
            return code
        found = json.loads((bench / "benchmark.json").read_text())
        if len(found["agreement"]["translator"]["agreed"]) >= min(AGREEING, given.seeds):
            break
    write_json(headline(bench / "benchmark.json", given.pair), output)
    print(f"written to {output}")
    return 0


def train(pair: Pair, method: str, seed: int, folder: Path, synthetic: Path, adapted: Path) -> int:
    """Fit one method with one seed, and refine with it."""
    run, refined = f"{method}-{seed}", folder / f"{method}-{seed}-refined"
    checkpoint = folder / run / "last.ckpt"
    done = folder / f"{run}.done"
    if done.is_file():
        return 0
    if not done.with_suffix(".trained").is_file():
        sides = ["--data.synthetic", str(synthetic), "--data.real", str(adapted)]
        flags = ("--seed-everything", "--model.seed", "--data.seed")
        seeds = [word for flag in flags for word in (flag, str(seed))]
        quiet = ["--trainer.val-check-interval", "300", "--device", "cpu", "--checkpoint-every", "0"]
        place = ["--trainer.default-root-dir", str(folder), "--run", run]
        method_flags = pair.simgan if method == "simgan" else pair.translator
        code = refine("fit", *method_flags, *sides, *seeds, *quiet, *place, "--resume")
        if code:
            return code
        done.with_suffix(".trained").touch()
    code = refine("apply", "--checkpoint", str(checkpoint), "--input", str(synthetic), "--output", str(refined))
    if not code:
        done.touch()
    return code


def flags_digest(pair: Pair) -> str:
    """Short hash of the flags of both methods."""
    return hashlib.sha256(json.dumps([pair.simgan, pair.translator]).encode()).hexdigest()[:8]


def refine(*words: str) -> int:
    """Run one command in a process of its own, of one thread: figures do not hang on the number of cores."""
    print(f"refine {' '.join(words)}", flush=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-m", "refine", *words], env=environment, check=False).returncode


def headline(result: Path, pair: str) -> dict[str, Any]:
    """The rows of a benchmark that make up the headline, and which of them is recommended."""
    found: Benchmark = json.loads(result.read_text())
    rows = {name: figures(found["rows"][row], found["metric"]) for name, row in ROWS.items() if row in found["rows"]}
    chosen, names = found["chosen"]["row"], {row: name for name, row in ROWS.items()}
    rows["best"] = {**figures(found["rows"][chosen], found["metric"]), "row": names.get(chosen, chosen)}
    return {
        "pair": pair,
        "protocol": found["protocol"],
        "inductive": found["adapted_to"]["tested"] == 0,
        "images": found["adapted_to"]["images"],
        "agreement": found["agreement"]["translator"],
        "rows": rows,
    }


def figures(row: Row, metric: str) -> dict[str, Any]:
    """Values, one for each translator; of rows without one, one for each seed of the classifier."""
    values = row.get("translator_means") or row["accuracy"]
    each = len(row["balanced_accuracy"]) // len(values)
    balanced = [mean(row["balanced_accuracy"][at * each : (at + 1) * each]) for at in range(len(values))]
    return {
        "values": values,
        "balanced": balanced,
        "metric": metric,
        "interval": row["interval"],
        "by_class": {name: mean(found) for name, found in row["by_class"].items()},
        "consistency": row.get("consistency"),
    }


if __name__ == "__main__":
    raise SystemExit(main())
