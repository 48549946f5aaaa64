"""Train on X, test on real: does a model that was trained on refined images do better?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from refine.benchmark.agreement import agreements, consistencies, most_consistent, with_agreed
from refine.benchmark.datasets import SYNTHETIC, TARGET, Datasets
from refine.benchmark.fit import Protocol
from refine.benchmark.plan import plan_fits
from refine.benchmark.protocol import protocol_text, settings
from refine.benchmark.result import RESULT, Benchmark
from refine.benchmark.rows import best_row, gap_closed, measure
from refine.benchmark.store import run_fits
from refine.benchmark.table import warning_of, write_tables
from refine.data.clusters import load_clusters
from refine.devices import choose_device, threads_of_job
from refine.errors import InputError
from refine.files import require_output
from refine.json_files import write_json
from refine.labels import KindName, kind_learned_by
from refine.labels.gaze import refusal
from refine.metrics.intervals import cluster_numbers
from refine.networks.task_networks import NetworkName, require_batch

FITS = "fits"
"""Folder of the predictions of each fit, below the output folder."""

SHIFT = 2
"""Pixels, where nobody says otherwise and labels allow it."""


def run_benchmark(
    synthetic: Path | str,
    refined: Mapping[str, Path | str | Sequence[Path | str]],
    real: Path | str,
    *,
    classes: tuple[str, ...] | None = None,
    real_train: Path | str | None = None,
    real_few: int | Sequence[int] | None = None,
    mix: Sequence[int] = (),
    joined: bool = False,
    scored: Sequence[str] = (),
    baselines: Sequence[str] = ("color_transfer",),
    groups: str | None = None,
    seeds: int = 3,
    steps: int = 150,
    batch_size: int | None = None,
    network: NetworkName | None = None,
    width: int = 16,
    learning_rate: float = 3e-3,
    size: tuple[int, int] | None = None,
    layouts: tuple[str, str] = ("auto", "auto"),
    mappings: tuple[str | None, str | None] = (None, None),
    horizontal_flip: bool = False,
    shift: int | None = None,
    strong: bool = False,
    unlabeled: Path | str | None = None,
    jobs: int = 1,
    device: str = "auto",
    output: Path | str,
) -> Benchmark:
    """Train the same task model on each kind of data, and test it on labeled real images.

    Rows: ``synthetic`` (do nothing), each baseline, each refined dataset, the last of them together with the
    synthetic one, each of them together with a few labeled real images, and ``target_supervised``: trained on
    labeled real images alone, those of ``real_train`` or by cross-validation over contiguous blocks of the recording.
    With unlabeled images also each with self-training, and those folders of one translator joined that agree.

    Args:
        synthetic: Synthetic images with labels: classes, masks, targets or objects.
        refined: Refined ones in the same layout, by the name of their row. Several folders of one row are those of
            one translator that was trained with several seeds: every seed of the task model is fitted on each of
            them, and intervals and p-values take the draw of a translator into account. Also in the rows that join
            them to other images.
        real: Real images with such labels: the test. Of classes of images, some may be missing: they are learned, not
            tested, and named.
        classes: Only these, in this order. None takes all, and then all datasets must have the same.
        real_train: Labeled real images for ``target_supervised``, none of them tested on.
        real_few: How many labeled real images stand in a row of their own, are joined to the synthetic and to each
            refined dataset, half of the draws theirs, and follow them in fine-tuning: three rows for each number and
            dataset. None: no such rows.
        mix: Percentages of the draws that are of the last refined dataset, each a row whose others are synthetic.
        joined: Whether all folders of a refined dataset also stand together in a row, and in one with synthetic images.
        scored: Of masks, the classes whose mean intersection over union is the metric; none: all that are shown.
        baselines: Names of `BASELINES`.
        groups: Test images that belong together (one recording, one person), as `load_clusters` takes them: they are
            drawn and swapped as one, and cross-validation does not cut through them.
        seeds: Fits of each row, with other initial weights, sampling and augmentation. Rows of one folder have no
            fewer than another row has folders.
        steps: Training steps of each fit. With 150, training loss is below 0.06 on both bundled datasets; datasets
            with more to learn need more.
        batch_size: Images a step, every class equally often, or, of other labels, every image. None: 32, of masks and
            objects 8.
        network: Of the task model; None takes the small one of the kind of label.
        width: Of the small networks.
        learning_rate: The highest one of the schedule.
        size: Height and width of all images; None takes the real ones'.
        layouts: How the synthetic and the refined datasets lie, and how the real ones do.
        mappings: From the classes of the synthetic and refined datasets, and of the real ones, to common ones.
        horizontal_flip: Whether mirroring keeps every label true.
        shift: Random shifts in training, in pixels. None: 2; none of targets other than pitch and yaw, which may say
            where something is.
        strong: Whether images are changed strongly in training, in every row: see `Protocol`.
        unlabeled: Real images that translators were adapted to, whose labels are not looked at. Baselines take their
            statistics from them, and rows with self-training learn from them.
        jobs: Processes that fit at a time. With more than one, a script that calls this needs the usual
            ``if __name__ == "__main__":``. They share this one's threads, and CUDA devices one after the other.
        device: Where networks run, as `choose_device` takes it.
        output: Folder for ``benchmark.json``, its tables ``benchmark.md`` and ``benchmark.tex``, and the predictions
            of each fit, which a second run with the same settings takes from there.

    Returns:
        What ``benchmark.json`` holds.

    Raises:
        InputError: If the datasets disagree on classes, one cannot be read or is too small, or a number makes no
            sense.
    """
    synthetic, real, output = Path(synthetic), Path(real), Path(output)
    real_train, unlabeled = (None if each is None else Path(each) for each in (real_train, unlabeled))
    single = {name for name, given in refined.items() if isinstance(given, Path | str)}
    draws = {
        name: [Path(given)] if isinstance(given, Path | str) else list(map(Path, given))
        for name, given in refined.items()
    }
    few = () if real_few is None else (real_few,) if isinstance(real_few, int) else tuple(real_few)
    for share in mix:
        if not 0 < share < 100:
            raise InputError(f"mix is {share}; expected percentages above 0 and below 100")
    numbers = {"seeds": seeds, "steps": steps, "batch_size": batch_size, "shift": shift}
    numbers["real_few"] = min(few, default=None)
    for name, value in {**numbers, "width": width, "jobs": jobs}.items():
        least = 0 if name == "shift" else 1
        if value is not None and value < least:
            raise InputError(f"{name} is {value}; expected at least {least}")
    if not 0 < learning_rate < float("inf"):
        raise InputError(f"learning_rate is {learning_rate}; expected more than 0")
    place = choose_device(device)
    kind_learned_by(network)  # an unknown name is refused before hours of reading
    data = Datasets(synthetic, draws, real, real_train, classes, size, layouts, mappings, unlabeled)
    learning = data.kind.network(network)
    if unlabeled is not None:
        data.kind.require_pseudo_labels()
    if shift is None:
        shift = SHIFT if data.kind.survives_shift(data.classes) else 0
    protocol = Protocol(
        steps,
        batch_size or data.kind.batch_size,
        shift,
        horizontal_flip,
        cast(KindName, data.kind.name),
        data.space.mirror,
        network,
        width,
        learning_rate,
        place.type,
        strong,
    )
    require_batch(learning, protocol.batch_size, data.size)
    reason = refusal(data.space, horizontal_flip)
    if reason is not None:
        raise InputError(f"{synthetic}: {reason}")
    named = load_clusters(groups, data.real.keys)
    count, scoring = len(set(named)), data.kind.scoring(data.real.labels, data.classes)
    if scored:
        scoring.score_only(scored)
    plan = plan_fits(data, protocol, baselines, few, named if groups else None, seeds, mix, joined)
    if len(data.real.keys) < 2:
        raise InputError(f"{real}: a benchmark needs two labeled test images or more; one says nothing of others")
    require_output(output)
    found = run_fits(plan, output / FITS, jobs)
    if compared := agreements(plan, found):
        plan, more = with_agreed(plan, compared)
        found |= run_fits(more, output / FITS, jobs)
    rows, predicted = measure(plan, found, scoring, cluster_numbers(named))
    consistent = consistencies(plan, found)
    for name, kappa in consistent.items():
        rows[name]["consistency"] = kappa
    closed = gap_closed(
        {name: each.figure for name, each in predicted.items()}, SYNTHETIC, TARGET, count, scoring.higher_is_better
    )
    result: Benchmark = {
        "metric": scoring.metric,
        "higher_is_better": scoring.higher_is_better,
        "classes": list(data.classes),
        "rows": rows,
        "gap_closed": {name: gap.value if gap else None for name, gap in closed.items()},
        "gap_closed_interval": {name: list(gap.interval) if gap else None for name, gap in closed.items()},
        "clusters": count,
        "protocol": protocol_text(plan, data, None if groups is None else count),
        "provenance": {
            "synthetic": str(synthetic),
            "refined": {
                name: str(given[0]) if name in single else list(map(str, given)) for name, given in draws.items()
            },
            "real": str(real),
            "real_train": None if real_train is None else str(real_train),
            "real_few": list(few) or None,
            **({"mix": list(mix)} if mix else {}),
            **({"joined": True} if joined else {}),
            **({"unlabeled": str(unlabeled)} if unlabeled else {}),
            "baselines": list(baselines),
            "groups": groups,
            "layout": layouts[0],
            "real_layout": layouts[1],
            "mapping": mappings[0],
            "real_mapping": mappings[1],
            "unmapped": data.unmapped,
            "seeds": list(range(seeds)),
            **settings(protocol, data),
            "threads": threads_of_job(jobs),
        },
    }
    if scored:
        result["scored"] = list(scored)
    if data.unlabeled is not None:
        result["adapted_to"] = {"images": len(data.unlabeled.keys), "tested": data.tested_and_adapted()}
    if compared:
        result["agreement"] = compared
    if best := best_row(rows, predicted, scoring.higher_is_better):
        result["best"] = best
    if chosen := most_consistent(plan, consistent, compared):
        result["chosen"] = chosen
    if data.untested:
        result["untested"] = list(data.untested)
    result["warning"] = warning_of(result, list(draws))
    write_json(result, output / RESULT)
    write_tables(result, output)
    return result
