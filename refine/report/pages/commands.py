"""The commands that make a page and what it shows, from the records that they left."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from refine.audit.options import audit_flags
from refine.audit.result import Audit
from refine.benchmark.result import Benchmark
from refine.distances.result import Evaluation
from refine.distances.scores import NEIGHBORS
from refine.metrics.features import NETWORKS
from refine.report.kit.format import recorded_flags, recorded_part, recorded_texts

SIDES = ("synthetic", "refined", "real")


def reproduction(
    run: Mapping[str, object],
    sides: Mapping[str, Path],
    output: Path,
    files: Mapping[str, Path],
    evaluation: Evaluation | None = None,
    benchmark: Benchmark | None = None,
    audit: Audit | None = None,
) -> dict[str, str]:
    """Return the command of each step, by its name.

    Args:
        run: The record of `refine apply`.
        sides: Folders of the ``synthetic``, ``refined`` and ``real`` images.
        output: The page.
        files: What the page is made of, by flag of `refine report`: ``metrics``, ``benchmark``, ``audit``, ``tuning``.
        evaluation: What stands in the first of them.
        benchmark: And in the second.
        audit: And in the third.
    """
    places = {"metrics": Path("metrics.json"), "audit": Path("audit"), "benchmark": Path("benchmark", "benchmark.json")}
    places |= files
    three = recorded_flags(sides, *SIDES)
    judged = audit_flags(audit["provenance"]) if audit else []
    applied = ["--checkpoint", "CHECKPOINT", "--input", str(sides["synthetic"]), "--output", str(sides["refined"])]
    shown = recorded_flags(places, "metrics", "audit", "benchmark", "tuning")
    steps = {
        "apply": [*applied, *apply_flags(run)],
        "verify": [str(sides["refined"])],
        "audit": [*three[:4], *judged, "--output", str(places["audit"])],
        "evaluate": [*(evaluate_flags(evaluation, sides) if evaluation else three), "--output", str(places["metrics"])],
        "benchmark": [
            *(benchmark_flags(benchmark, sides) if benchmark else three),
            *("--output", str(places["benchmark"].parent)),
        ],
        "report": [*three, *shown, "--output", str(output)],
    }
    return {name: shlex.join(["refine", name, *words]) for name, words in steps.items()}


def apply_flags(run: Mapping[str, object]) -> list[str]:
    """Return the recorded flags of `refine apply`, all of them: defaults may change between versions."""
    flags, audit = recorded_part(run, "flags"), recorded_part(run, "audit")
    words = recorded_flags(flags, *flags)
    return [*words, "--audit", "AUDIT", *recorded_flags(audit, "if_wrong", "repair")] if audit else words


def evaluate_flags(evaluation: Evaluation, sides: Mapping[str, Path]) -> list[str]:
    """Return the flags of `refine evaluate`; ``sides`` stand in for folders that the file does not name."""
    record, words = evaluation["provenance"], []
    for side in SIDES:
        words += [f"--{side}", str(recorded_part(record, "folders", side).get("path") or sides[side])]
    # Of a task model and of a user's own network, the record holds the digest, not the place.
    networks = recorded_part(record, "extractors")
    features = [name if name in NETWORKS else f"{name}=CHECKPOINT" for name in networks]
    features = ["swd", *features] if record.get("swd") is not None else features
    words += ["--features", *features] if features else []
    metrics = recorded_texts(record, "metrics")
    words += ["--metrics", *metrics] if metrics else []
    words += recorded_flags(recorded_part(record, "interval"), "groups")
    neighbors = recorded_part(record, "neighbors")
    if any(NEIGHBORS.get(name) != count for name, count in neighbors.items()):  # not each metric's usual ones
        words += ["--neighbors", str(next(iter(neighbors.values())))]
    if any("infinite" in score for scores in evaluation["rows"].values() for score in scores.values()):
        words.append("--infinite")
    # As of networks, the record holds the segmenter's digest, not its place.
    words += ["--segmenter", "CHECKPOINT"] if recorded_part(record, "skvd", "maps") else []
    plain = ("images", "layout", "real_layout", "mapping", "real_mapping", "seed", "device", "size")
    return [*words, *recorded_flags(record, *plain)]


def benchmark_flags(benchmark: Benchmark, sides: Mapping[str, Path]) -> list[str]:
    """Return the flags of `refine benchmark`; ``sides`` stand in for folders that the file does not name."""
    record, network = benchmark["provenance"], recorded_part(benchmark["provenance"], "network")
    words = recorded_flags({**sides, **record}, "synthetic")
    refined = recorded_part(record, "refined")
    for row in [f"{name}={_folders(given)}" for name, given in refined.items()] or [str(sides["refined"])]:
        words += ["--refined", row]
    words += recorded_flags({**sides, **record}, "real", "real_train")
    if benchmark["metric"] == "accuracy" and benchmark["classes"]:  # a layout of masks knows its own
        words += ["--classes", ",".join(benchmark["classes"])]
    seeds = record.get("seeds")
    words += ["--seeds", str(len(seeds))] if isinstance(seeds, list) else []
    words += recorded_flags(record, "steps", "batch_size", "shift", "real_few", "groups", "device")
    words += recorded_flags(record, "layout", "real_layout", "mapping", "real_mapping")
    if record.get("baselines") is not None:
        words += ["--baselines", ",".join(recorded_texts(record, "baselines")) or "none"]
    words += [*recorded_flags(record, "size"), *recorded_flags(network, "width")]
    words += recorded_flags({"network": network.get("flag"), **network}, "network", "learning_rate")
    return [*words, "--horizontal-flip"] if record.get("horizontal_flip") is True else words


def _folders(given: object) -> str:
    """One folder, or several with commas between."""
    folders = given if isinstance(given, list) else [given]
    return ",".join(str(folder).replace(",", "\\,") for folder in folders)
