"""Labeled real images decide: a task model is trained on what each method makes, and tested on them."""

from collections.abc import Mapping
from pathlib import Path

from refine.apply.options import ApplyOptions
from refine.apply.run import refine_folder
from refine.benchmark import run_benchmark
from refine.benchmark.wording import adjusted
from refine.data.labeled_images import open_labeled
from refine.errors import InputError
from refine.trial.result import Benchmarked

SEEDS, STEPS = 2, 150
"""Number of task models for each row, and of their training steps at most."""
SHORTEST, STEPS_A_MINUTE = 50, 15
"""Steps of a trial that has little time, and how many more there are for each minute of it."""
TRIED = "tried "
"""Beginning of a row's name: the benchmark has rows of its own that are called fda and such."""


def require_labeled(real: Path, classes: tuple[str, ...] | None, kind: str) -> None:
    """Refuse labeled real images that no benchmark can take, before anything is trained.

    Args:
        real: Their folder.
        classes: Names to keep; None takes all.
        kind: Of the synthetic labels.

    Raises:
        InputError: If they have no labels, or labels of another kind.
    """
    found = open_labeled(real, classes=classes).label_space.kind
    if found != kind:
        raise InputError(f"{real}: has {found} labels, and the synthetic images have {kind} labels")


def benchmark_labeled(
    checkpoints: Mapping[str, Path],
    synthetic: Path,
    real: Path,
    output: Path,
    *,
    classes: tuple[str, ...] | None,
    layout: str,
    mapping: str | None,
    device: str,
    minutes: float,
) -> Benchmarked:
    """Refine the synthetic dataset with each method, and benchmark all of them.

    Args:
        checkpoints: Of translators, by method.
        synthetic: The synthetic dataset.
        real: Labeled real images.
        output: Folder of the trial.
        classes: Only these, in this order; None takes all.
        layout: How the synthetic dataset lies.
        mapping: From its classes to others.
        device: ``cpu``, ``cuda`` or ``mps``.
        minutes: Time of the whole trial.
    """
    refined = {f"{TRIED}{name}": output / "refined" / name for name in checkpoints}
    for name, checkpoint in checkpoints.items():
        options = ApplyOptions(layout=layout, device=device)
        refine_folder(checkpoint, synthetic, refined[f"{TRIED}{name}"], options)
    found = run_benchmark(
        synthetic,
        refined,
        real,
        classes=classes,
        baselines=(),
        seeds=SEEDS,
        steps=min(STEPS, SHORTEST + round(STEPS_A_MINUTE * minutes)),
        layouts=(layout, "auto"),
        mappings=(mapping, None),
        device=device,
        output=output / "benchmark",
    )
    rows: Benchmarked = {
        "metric": found["metric"],
        "higher_is_better": found.get("higher_is_better", True),
        "rows": {},
    }
    for name, row in found["rows"].items():
        if name in refined or name in {"synthetic", "target_supervised"}:
            method = name.removeprefix(TRIED)
            rows["rows"][method] = {"score": row["mean"], "interval": row["interval"]}
            if "difference" in row:
                rows["rows"][method]["difference"] = row["difference"]["interval"]
                rows["rows"][method]["p"] = adjusted(row["difference"])
    return rows
