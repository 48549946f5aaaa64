"""Every figure of the headline table: a task model tested on real images that no translator was adapted to.

    python scripts/headline.py traffic-lights|digits|meter|nuclei|lego [--seeds 4] [--test DIR] --output FILE

Trains the recommended recipe on what ships (LEGO: on ../shared/data/lego), applies it, and tests on the pair's held-out
part, or on --test DIR: class folders; of meters a table with the column value; of nuclei images/ and masks/, whose
masks number the nuclei. The recipe is one translator for each seed, those that agree on the unlabeled images joined
(`refine benchmark`), and self-training; of fewer than three that agree, more seeds are trained. Meters, nuclei and
LEGO take all translators together with the synthetic images. The row "best" is the one that the benchmark chooses
without a label, or doing nothing where even that one is hardly consistent; of masks and targets it is the recipe's. The
tested images reach no training: weights are the same with and without --test. Resumable: what stands under
checkpoints/headline is not done again.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from types import MappingProxyType
from typing import Any, NamedTuple

from traffic_lights import CLASSES, DATA, LOCAL, RECIPE, ROOT, lamps

from refine.benchmark.agreement import ENOUGH
from refine.benchmark.result import Benchmark, Row
from refine.errors import InputError
from refine.files import require_output, write_whole
from refine.json_files import write_json

FOLDER, DATASETS = ROOT / "checkpoints" / "headline", ROOT / "datasets"
LEGO = ROOT.parent / "shared" / "data" / "lego"
NEIGHBORS = 20
"""Photos of following numbers look alike."""
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
    labeled: Path | None
    """Labeled real images for target-supervised, where others are tested on; None: the held-out part."""
    simgan: list[str]
    translator: list[str]
    """Flags of `refine fit`. What was tried stands in the pair's card; without any, the method is left out."""
    benchmark: list[str]
    layout: str = "auto"
    """How the labels lie on disk, on both sides."""
    simgans: int = 3
    """Seeds of SimGAN."""
    rows: Mapping[str, str] = MappingProxyType({})
    """Rows of the result by those of the benchmark, before those of `ROWS`."""
    recommended: str = ""
    """Row that is called best where the benchmark chooses none; of masks and targets it does not."""


def rendered(name: str, count: int, folder: Path) -> Path:
    """Images of a simulator, drawn when they are first needed."""
    synthetic = folder / "synthetic"
    if not synthetic.is_dir():
        code = refine("render", name, "--count", str(count), "--seed", "0", "--output", str(synthetic))
        if code:
            raise InputError(f"{synthetic}: could not be rendered (exit code {code})")
    return synthetic


def digits(folder: Path) -> tuple[Path, Path, Path]:
    """MNIST's own split: training images to adapt to, test images to test on."""
    return rendered("digits", 2000, folder), DATASETS / "digits" / "real", DATASETS / "digits" / "test"


def meter(folder: Path) -> tuple[Path, Path, Path]:
    """Photos of some days to adapt to, those of other days to test on."""
    return rendered("meter", 2000, folder), DATASETS / "meter" / "real", DATASETS / "meter" / "test"


def nuclei(folder: Path) -> tuple[Path, Path, Path]:
    """36 pictures to adapt to, 20 others to test on."""
    return rendered("nuclei", 200, folder), DATASETS / "nuclei" / "real", DATASETS / "nuclei" / "test"


def lego(folder: Path) -> tuple[Path, Path, Path]:
    """Photos of every other twenty numbers to adapt to, the others to test on: one photo shows several parts."""
    if not LEGO.is_dir():
        raise InputError(f"{LEGO}: no such folder; the LEGO images have no licence, and are no part of the project")
    adapted, held_out = folder / "real", folder / "test"
    for photo in sorted((LEGO / "real").glob("*/*.png")):
        number = int(photo.stem.removeprefix("photo").partition("-")[0])
        unlabeled = number // NEIGHBORS % 2 == 0
        place = (
            adapted / f"{photo.parent.name}-{photo.name}" if unlabeled else held_out / photo.parent.name / photo.name
        )
        if not place.exists():
            write_whole(place, photo.read_bytes())
    return LEGO / "cad", adapted, held_out


METER, NUCLEI = (str(DATASETS / name / "labels.yaml") for name in ("meter", "nuclei"))
PAIRS = {
    "traffic-lights": Pair(
        lamps,
        DATA / "real",
        [*SIMGAN, "--model.decay", "true", "--model.ema", "0.99", "-c", RECIPE],
        [
            *("-c", "models/cyclegan.yaml", "-c", RECIPE, "--steps", "500", "--data.class-balanced", "false"),
            *LOCAL,
        ],
        ["--classes", CLASSES, "--horizontal-flip", "--steps", "600", "--size", "64x32", "--strong"],
    ),
    "digits": Pair(
        digits,
        None,
        [*SIMGAN, "--data.channels", "1", "--data.shift", "1", "--data.crop", "null"],
        [  # those of scripts/digits_rows.py, chosen on USPS and MNIST
            *("-c", "models/cyclegan.yaml", "--steps", "3000", "--data.batch-size", "8"),
            *("--data.channels", "1", "--data.shift", "1", "--data.crop", "null"),
            *("--model.features", "16", "--model.blocks", "3", "--model.identity-weight", "0", "--model.ema", "0.99"),
            *("--model.discriminator-features", "16", "--model.discriminator-layers", "2"),
            *("--model.learning-rate", "1e-3"),
        ],
        ["--shift", "1", "--steps", "1500", "--size", "28x28", "--strong"],
    ),
    "meter": Pair(
        meter,
        None,
        [
            *("-c", "models/simgan.yaml", "--steps", "1500", "--data.batch-size", "16", "--model.features", "32"),
            *("--model.self-weight", "0.03", "--model.decay", "true", "--model.ema", "0.995"),
            *("--model.optimizer", "adam", "--model.refiner-learning-rate", "3e-4"),
            *("--model.discriminator-learning-rate", "3e-4", "--model.refiner-warmup-steps", "60"),
            *("--model.discriminator-warmup-steps", "0", "--data.crop", "null"),
        ],
        [
            *("-c", "models/cyclegan.yaml", *LOCAL),
            *("--steps", "500", "--data.crop", "null"),
        ],
        ["--steps", "1000", "--size", "32x20", "--joined"],
        METER,
        simgans=4,
        rows={
            "single-simgan": "simgan",
            "simgan": "simgan+joined+synthetic",
            "translator": "translator+joined+synthetic",
        },
        recommended="simgan",
    ),
    "nuclei": Pair(
        nuclei,
        None,
        [],
        [
            *("-c", "models/cyclegan.yaml", "--steps", "300"),
            *("--data.batch-size", "2", "--data.crop", "[96,96]", "--data.channels", "1"),
            *("--data.horizontal-flip", "true", "--data.vertical-flip", "true"),
            *("--model.features", "24", "--model.blocks", "2", "--model.ema", "0.99", "--model.learning-rate", "5e-4"),
            *("--model.discriminator-features", "32", "--model.discriminator-layers", "2"),
        ],
        ["--scored", "nucleus", "--horizontal-flip", "--steps", "150", "--size", "96x96", "--width", "8", "--joined"],
        NUCLEI,
        rows={"translator": "translator+joined+synthetic"},
        recommended="translator",
    ),
    "lego": Pair(
        lego,
        None,
        [],
        [
            *("-c", "models/cyclegan.yaml", "--steps", "400", "--data.batch-size", "4"),
            *("--data.resize", "[64,64]", "--data.real-resize", "[64,64]"),
            *("--model.features", "24", "--model.blocks", "2", "--model.ema", "0.99", "--model.learning-rate", "5e-4"),
            *("--model.discriminator-features", "32", "--model.discriminator-layers", "2"),
        ],
        ["--steps", "600", "--size", "64x64", "--strong", "--joined"],
        rows={"translator": "translator+joined+synthetic"},
    ),
}

ROWS = {
    "synthetic": "synthetic",
    "color-transfer": "color_transfer",
    "simgan": "simgan",
    "single-translator": "translator",
    "single-translator-with-synthetic": "translator+synthetic",
    "translator": "translator+agreed",
    "raw-self-training": "synthetic+self_training",
    "single-self-training": "translator+self_training",
    "self-training": "translator+agreed+self_training",
    "simgan-self-training": "simgan+agreed+self_training",
    "target-supervised": "target_supervised",
}
"""Rows of the result by those of the benchmark. Values of translator and self-training leave one of the translators
that agree out in turn, those of single-... are of one translator each, whether it agrees or not. Pairs may have other
rows under these names: all translators joined, with the synthetic images, leaving one out likewise."""

AGREEING = 3
"""Translators that are to agree."""


def main(args: Sequence[str] | None = None) -> int:
    """Train, refine and benchmark; the exit code of the first command that failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pair", choices=list(PAIRS))
    parser.add_argument("--seeds", type=int, default=4, help="translator seeds to begin with (default: 4)")
    parser.add_argument("--test", type=Path, help="other labeled images to test on, laid out as the pair's test")
    parser.add_argument("--output", type=Path, required=True, help="JSON file")
    given = parser.parse_args(args)
    output, test, pair = given.output.resolve(), given.test.resolve() if given.test else None, PAIRS[given.pair]
    folder = FOLDER / f"{given.pair}-{flags_digest(pair)}"  # what other flags made is not taken up
    os.chdir(ROOT)
    try:  # at once, and not after minutes of training
        require_output(output.parent)
        if test is not None and not test.is_dir():
            raise InputError(f"{test}: no such folder (--test); give a folder of labeled images")
        if given.seeds < 2:
            raise InputError(f"--seeds is {given.seeds}; expected 2 or more: translators are held against each other")
        synthetic, adapted, held_out = pair.lay_out(folder)
    except InputError as error:
        print(f"headline: {error}", file=sys.stderr)
        return 2
    bench = folder / ("benchmark" if test is None else "benchmark-of-test")
    # On other images, target-supervised learns from the labeled ones that ship: the tested ones reach no training.
    supervised = [] if test is None else ["--real-train", str(pair.labeled or held_out)]
    for seeds in range(given.seeds, 2 * given.seeds + 1, 2):
        counts = {"simgan": pair.simgans if pair.simgan else 0, "translator": seeds}
        runs = [(method, seed) for method, count in counts.items() for seed in range(count)]
        with ThreadPoolExecutor(JOBS) as pool:
            codes = list(pool.map(lambda one: train(pair, one[0], one[1], folder, synthetic, adapted), runs))
        if any(codes):
            return next(code for code in codes if code)
        refined = [
            f"--refined={method}={','.join(str(folder / f'{method}-{seed}-refined') for seed in range(count))}"
            for method, count in counts.items()
            if count
        ]
        code = refine(
            *("benchmark", "--synthetic", str(synthetic), *refined, "--real", str(test or held_out)),
            *("--unlabeled", str(adapted), "--seeds", "1", "--jobs", str(JOBS)),
            *("--layout", pair.layout, "--real-layout", pair.layout),
            *(*pair.benchmark, *supervised, "--output", str(bench)),
        )
        if code:
            return code
        found = json.loads((bench / "benchmark.json").read_text())
        joins_all = "translator" in pair.rows
        if joins_all or len(found["agreement"]["translator"]["agreed"]) >= min(AGREEING, given.seeds):
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
        sides = ["--data.synthetic", str(synthetic), "--data.real", str(adapted), "--data.layout", pair.layout]
        flags = ("--seed-everything", "--model.seed", "--data.seed")
        seeds = [word for flag in flags for word in (flag, str(seed))]
        quiet = ["--trainer.val-check-interval", "300", "--device", "cpu", "--checkpoint-every", "0"]
        place = ["--trainer.default-root-dir", str(folder), "--run", run]
        method_flags = pair.simgan if method == "simgan" else pair.translator
        code = refine("fit", *method_flags, *sides, *seeds, *quiet, *place, "--resume")
        if code:
            return code
        done.with_suffix(".trained").touch()
    sides = ["--input", str(synthetic), "--output", str(refined), "--layout", pair.layout]
    code = refine("apply", "--checkpoint", str(checkpoint), *sides)
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
    names = {**ROWS, **PAIRS[pair].rows}
    rows = {name: figures(found["rows"][row], found["metric"]) for name, row in names.items() if row in found["rows"]}
    if "chosen" not in found:
        chosen, why = names[PAIRS[pair].recommended], "recipe"
    elif found["chosen"]["consistency"] < ENOUGH:
        chosen, why = names["synthetic"], "none is consistent"
    else:
        chosen, why = found["chosen"]["row"], "consistency"
    of = {row: name for name, row in names.items()}
    rows["best"] = {**figures(found["rows"][chosen], found["metric"]), "row": of.get(chosen, chosen), "chosen": why}
    return {
        "pair": pair,
        "protocol": found["protocol"],
        "inductive": found["adapted_to"]["tested"] == 0,
        "images": found["adapted_to"]["images"],
        "higher_is_better": found.get("higher_is_better", True),
        "agreement": found["agreement"]["translator"],
        "rows": rows,
    }


def figures(row: Row, metric: str) -> dict[str, Any]:
    """Values, one for each translator; of rows without one, one for each seed of the task model."""
    values = row.get("translator_means") or row[metric]  # type: ignore[literal-required]  # the benchmark's own name
    found = {"values": values, "metric": metric, "interval": row["interval"], "consistency": row.get("consistency")}
    if "balanced_accuracy" in row:
        each = len(row["balanced_accuracy"]) // len(values)
        found["balanced"] = [mean(row["balanced_accuracy"][at * each : (at + 1) * each]) for at in range(len(values))]
    if "by_class" in row:
        found["by_class"] = {name: mean(found) for name, found in row["by_class"].items()}
    return found


if __name__ == "__main__":
    raise SystemExit(main())
