"""Which commands make a page and what it shows, from the records that they left."""

import shlex
from pathlib import Path

from refine.audit.result import SUMMARY
from refine.metrics.evaluation_request import NEIGHBORS
from refine.metrics.features import NETWORKS
from refine.report.audited import AUDIT
from refine.report.benchmarked import BENCHMARK
from refine.report.measured import EVALUATE
from refine.report.read import Node, read_node


def reproduction(
    run: Node,
    synthetic: Path,
    refined: Path,
    real: Path,
    metrics: Path | None,
    benchmark: Path | None,
    output: Path,
    audit: Path | None = None,
    tuning: Path | None = None,
) -> dict[str, str]:
    """The command of each step, by its name.

    Args:
        run: The record of `refine apply`.
        synthetic: The dataset that was refined.
        refined: Where it stands.
        real: Folder of real images.
        metrics: The file of distances, if there is one.
        benchmark: The benchmark's file, if there is one.
        output: The page.
        audit: The audit's folder, if there is one.
        tuning: The file of `refine tune-strength`, if there is one.

    Raises:
        InputError: If a file cannot be read, or its provenance is damaged.
    """
    sides = {"synthetic": str(synthetic), "refined": str(refined), "real": str(real)}
    three = [word for side, folder in sides.items() for word in (f"--{side}", folder)]
    measured, helped = metrics or Path("metrics.json"), benchmark or Path("benchmark", "benchmark.json")
    evaluated = _evaluate(read_node(metrics, EVALUATE), sides) if metrics else three
    trained = _benchmark(read_node(benchmark, BENCHMARK), sides) if benchmark else three
    audited = audit or Path("audit")
    report = [*three, "--metrics", str(measured), "--audit", str(audited), "--benchmark", str(helped)]
    report += ["--tuning", str(tuning)] if tuning else []
    judged = audit_flags(read_node(audit / SUMMARY, AUDIT)) if audit else []
    steps = {
        "apply": ["--checkpoint", "CHECKPOINT", "--input", str(synthetic), "--output", str(refined), *_apply(run)],
        "verify": [str(refined)],
        "audit": [*three[:4], *judged, "--output", str(audited)],
        "evaluate": [*evaluated, "--output", str(measured)],
        "benchmark": [*trained, "--output", str(helped.parent)],
        "report": [*report, "--output", str(output)],
    }
    return {name: shlex.join(["refine", name, *arguments]) for name, arguments in steps.items()}


def _evaluate(top: Node, sides: dict[str, str]) -> list[str]:
    """Flags of `refine evaluate`; ``sides`` stand in for folders that the file does not name."""
    record = _field(top, "provenance")
    folders = _field(record, "folders")
    words = []
    for side, given in sides.items():
        path = _field(_field(folders, side), "path")
        words += [f"--{side}", path.text() if path else given]
    networks, patches, metrics = (_field(record, name) for name in ("extractors", "swd", "metrics"))
    names = [name for name, _ in networks.items()] if networks else []
    # Of a task model and of a user's own network, the record holds the digest, not the place.
    features = [name if name in NETWORKS else f"{name}=CHECKPOINT" for name in names]
    features = ["swd", *features] if patches else features
    words += ["--features", *features] if features else []
    words += ["--metrics", *(name.text() for name in metrics.elements())] if metrics else []
    words += _plain(_field(record, "interval"), "groups")
    words += _neighbors(_field(record, "neighbors")) + (["--infinite"] if _is_extrapolated(top) else [])
    # As of networks, the record holds the segmenter's digest, not its place.
    maps = _field(_field(record, "skvd"), "maps")
    words += ["--segmenter", "CHECKPOINT"] if maps and isinstance(maps.value, dict) else []
    words += _plain(record, "images", "layout", "real_layout", "mapping", "real_mapping", "seed", "device")
    return [*words, *_size(record)]


def _neighbors(node: Node | None) -> list[str]:
    """``--neighbors``, where they are not each metric's usual ones."""
    given = [(name, value.count()) for name, value in node.items()] if node else []
    return ["--neighbors", str(given[0][1])] if any(NEIGHBORS.get(name) != value for name, value in given) else []


def _is_extrapolated(top: Node) -> bool:
    rows = top.optional("rows")
    scores = [score for _, row in rows.items() for _, score in row.items()] if rows else []
    return any(score.optional("infinite") for score in scores)


def audit_flags(top: Node, skip: str = "") -> list[str]:
    """Flags of `refine audit` beside its folders, as `audit.json` records them; ``skip`` names a field to leave out."""
    record = _field(top, "provenance")
    lists = {name: _field(record, name) for name in ("judge", "trust", "classes", "networks")}
    texts = {name: [each.text() for each in node.elements()] if node else [] for name, node in lists.items()}
    words = [word for name in ("judge", "trust") for value in texts[name] for word in (f"--{name}", value)]
    plain = ("real_labeled", "checkpoint", "decisions", "layout", "real_layout", "mapping")
    words += _plain(record, *(name for name in plain if name != skip))
    words += ["--classes", ",".join(texts["classes"])] if texts["classes"] else []
    words += ["--networks", *texts["networks"]] if texts["networks"] else []
    rest = ("folds", "steps", "batch_size", "groups", "seed", "device")
    return [*words, *_plain(record, *(name for name in rest if name != skip)), *_size(record)]


def _benchmark(top: Node, sides: dict[str, str]) -> list[str]:
    """Flags of `refine benchmark`; ``sides`` stand in for folders that the file does not name."""
    record = _field(top, "provenance")
    words = _plain(record, "synthetic") or ["--synthetic", sides["synthetic"]]
    refined = _field(record, "refined")
    rows = [f"{name}={_folders(given)}" for name, given in refined.items()] if refined else [sides["refined"]]
    words += [word for row in rows for word in ("--refined", row)]
    words += _plain(record, "real") or ["--real", sides["real"]]
    words += _plain(record, "real_train")
    classes, seeds, flip = _field(top, "classes"), _field(record, "seeds"), _field(record, "horizontal_flip")
    metric = top.optional("metric")
    chosen = classes if metric is None or metric.text() == "accuracy" else None  # a layout of masks knows its own
    words += ["--classes", ",".join(name.text() for name in chosen.elements())] if chosen else []
    words += ["--seeds", str(len(seeds.elements()))] if seeds else []
    words += _plain(record, "steps", "batch_size", "shift", "real_few", "groups", "device")
    words += _plain(record, "layout", "real_layout", "mapping", "real_mapping")
    baselines = _field(record, "baselines")
    words += ["--baselines", ",".join(name.text() for name in baselines.elements()) or "none"] if baselines else []
    network = _field(record, "network")
    flag, rate = _field(network, "flag"), _field(network, "learning_rate")
    words += [*_size(record), *_plain(network, "width")]
    words += ["--network", flag.text()] if flag else []
    words += ["--learning-rate", str(rate.number())] if rate else []
    return [*words, "--horizontal-flip"] if flip and flip.value is True else words


def _folders(node: Node) -> str:
    """One folder, or several with commas between."""
    nodes = node.elements() if isinstance(node.value, list) else [node]
    return ",".join(folder.text().replace(",", "\\,") for folder in nodes)


def _field(node: Node | None, name: str) -> Node | None:
    return node.optional(name) if node else None


def _size(record: Node | None) -> list[str]:
    size = _field(record, "size")
    return ["--size", "x".join(str(int(side.number())) for side in size.elements())] if size else []


def _plain(record: Node | None, *names: str) -> list[str]:
    """Flags whose values are text or whole numbers, as far as they were recorded."""
    words = []
    for name in names:
        node = _field(record, name)
        if node:
            words += [
                f"--{name.replace('_', '-')}",
                str(int(node.number())) if isinstance(node.value, int | float) else node.text(),
            ]
    return words


def _apply(run: Node) -> list[str]:
    """The recorded flags, all of them: defaults may change between versions."""
    flags, audit = run.optional("flags"), run.optional("audit")
    words = [
        word
        for name, node in (flags.items() if flags else [])
        if isinstance(node.value, str | int | float) and not isinstance(node.value, bool)
        for word in (f"--{name.replace('_', '-')}", str(node.value))
    ]
    return [*words, "--audit", "AUDIT", *_plain(audit, "if_wrong", "repair")] if audit else words
