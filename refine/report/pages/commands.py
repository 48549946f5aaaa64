"""The commands that make a page and what it shows, from the records that they left."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from refine.apply.options import ApplyOptions, VerifyOptions
from refine.audit.options import AuditOptions
from refine.audit.result import Audit
from refine.benchmark.options import BenchmarkOptions
from refine.benchmark.result import Benchmark
from refine.distances.options import EvaluateOptions
from refine.distances.result import Evaluation
from refine.distances.scores import NEIGHBORS
from refine.metrics.features import NETWORKS
from refine.options import flag_words
from refine.report.kit.format import recorded_part, recorded_texts
from refine.report.pages.options import ReportOptions

SIDES = ("synthetic", "refined", "real")
Values = dict[str, Any]
"""Values of a command's options by their names, as `flag_words` takes them."""


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
        files: What the page is made of, by flag of `refine report`; the next three stand in them.
        evaluation: In ``metrics``.
        benchmark: In ``benchmark``.
        audit: In ``audit``.
    """
    places: Values = {"metrics": "metrics.json", "audit": "audit", "benchmark": Path("benchmark", "benchmark.json")}
    places |= files
    apart = {"input": sides["synthetic"], "output": sides["refined"]}
    steps: dict[str, tuple[type[Any], Values]] = {
        "apply": (ApplyOptions, {"checkpoint": "CHECKPOINT", **apart, **applied(run)}),
        "verify": (VerifyOptions, {"folder": sides["refined"]}),
        "audit": (AuditOptions, {**(audit["provenance"] if audit else {}), **sides, "output": places["audit"]}),
        "evaluate": (EvaluateOptions, {**sides, **evaluated(evaluation), "output": places["metrics"]}),
        "benchmark": (
            BenchmarkOptions,
            {
                **sides,
                "refined": [sides["refined"]],
                **benchmarked(benchmark),
                "output": Path(places["benchmark"]).parent,
            },
        ),
        "report": (ReportOptions, {**places, **sides, "output": output}),
    }
    return {name: shlex.join(["refine", name, *flag_words(*step)]) for name, step in steps.items()}


def applied(run: Mapping[str, object]) -> Values:
    """Return the recorded options of `refine apply`, all of them: defaults may change between versions."""
    audit = recorded_part(run, "audit")
    return {**recorded_part(run, "flags"), **({"audit": "AUDIT", **audit} if audit else {})}


def evaluated(evaluation: Evaluation | None) -> Values:
    """Return the recorded options of `refine evaluate`."""
    if evaluation is None:
        return {}
    record = evaluation["provenance"]
    folders = {side: recorded_part(record, "folders", side).get("path") for side in SIDES}
    # Of a task model and of a user's own network, the record holds the digest, not the place; so of the segmenter.
    networks = recorded_part(record, "extractors")
    features = [name if name in NETWORKS else f"{name}=CHECKPOINT" for name in networks]
    neighbors = recorded_part(record, "neighbors")
    usual = all(NEIGHBORS.get(name) == count for name, count in neighbors.items())
    return {
        **record,
        **{side: path for side, path in folders.items() if path},
        "features": ["swd", *features] if record.get("swd") is not None else features,
        "metrics": recorded_texts(record, "metrics"),
        "groups": recorded_part(record, "interval").get("groups"),
        "neighbors": None if usual else next(iter(neighbors.values())),
        "infinite": any("infinite" in score for scores in evaluation["rows"].values() for score in scores.values()),
        "segmenter": "CHECKPOINT" if recorded_part(record, "skvd", "maps") else None,
        "resize": None,  # the record's is a sentence
    }


def benchmarked(benchmark: Benchmark | None) -> Values:
    """Return the recorded options of `refine benchmark`."""
    if benchmark is None:
        return {}
    record, network = benchmark["provenance"], recorded_part(benchmark["provenance"], "network")
    seeds, baselines = record.get("seeds"), ",".join(recorded_texts(record, "baselines")) or "none"
    rows = [f"{name}={_folders(given)}" for name, given in recorded_part(record, "refined").items()]
    few = record.get("real_few")
    return {
        **record,
        "real_few": [few] if isinstance(few, int) else few,  # one number in files of before
        **({"refined": rows} if rows else {}),
        # a layout of masks knows its own
        "classes": benchmark["classes"] if benchmark["metric"] == "accuracy" else None,
        "seeds": len(seeds) if isinstance(seeds, list) else None,
        "baselines": None if record.get("baselines") is None else baselines,
        **{"network": network.get("flag"), "width": network.get("width")},
        "learning_rate": network.get("learning_rate"),
    }


def _folders(given: object) -> str:
    """One folder, or several with commas between."""
    folders = given if isinstance(given, list) else [given]
    return ",".join(str(folder).replace(",", "\\,") for folder in folders)
