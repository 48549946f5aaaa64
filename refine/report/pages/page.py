"""The page: reads what the other commands wrote, and hands it to the template."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import refine
from refine.apply.manifest import ManifestEntry
from refine.benchmark.table import METRICS
from refine.errors import InputError
from refine.files import shown, write_whole
from refine.report.kit.page import facts, template
from refine.report.kit.pictures import TINY, data_uri, keys_across_folders
from refine.report.pages.audited import (
    RefinedDataset,
    are_the_labels_intact,
    audit_section,
    read_audit_folder,
    read_refined,
    require_same,
)
from refine.report.pages.benchmarked import (
    benchmark_svg,
    benchmark_table,
    classes_table,
    does_it_help,
    read_benchmark,
)
from refine.report.pages.commands import reproduction
from refine.report.pages.evaluated import distances_svg, distances_table, is_it_more_real, read_metrics
from refine.report.pages.pictures import Shelf, change_between, change_picture, triples
from refine.report.pages.tuned import tuning_section

TEMPLATE = Path(__file__).with_name("report.html.j2")

PAIRS = 12
EXTREMES = 6
FAILURES = 50


class Shown(NamedTuple):
    """One card of the page: pictures side by side, by caption, under a key."""

    key: str
    note: str
    pictures: Mapping[str, str]
    """Data URIs."""


def write_report(
    output: Path | str,
    *,
    synthetic: Path | str,
    refined: Path | str,
    real: Path | str,
    metrics: Path | str | None = None,
    benchmark: Path | str | None = None,
    audit: Path | str | None = None,
    tuning: Path | str | None = None,
    title: str | None = None,
    commands: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Path:
    """Write one HTML page of what was done to a dataset and what was measured; it needs nothing beside itself.

    Args:
        output: The page.
        synthetic: The dataset that was refined.
        refined: What `refine apply` wrote.
        real: Folder of real images.
        metrics: What `refine evaluate --output` wrote.
        benchmark: The ``benchmark.json`` of `refine benchmark`.
        audit: The folder that `refine audit` wrote.
        tuning: The ``tune-strength.json`` of `refine tune-strength`.
        title: Headline; by default from the refined folder's name.
        commands: How to make all of it again; by default from the run's record.
        notes: Further paragraphs, for example which settings were tried.

    Returns:
        ``output``.

    Raises:
        InputError: If an input is missing or damaged, or ``output`` cannot be written or lies in the refined
            dataset.
    """
    output, synthetic, refined, real = map(Path, (output, synthetic, refined, real))
    if output.resolve().is_relative_to(refined.resolve()):
        raise InputError(
            f"{output}: lies in the refined dataset, where `refine verify` takes it for a stray file; "
            "choose another output"
        )
    given = {"metrics": metrics, "benchmark": benchmark, "audit": audit, "tuning": tuning}
    files = {name: Path(file) for name, file in given.items() if file is not None}
    dataset = read_refined(refined)
    distances = read_metrics(files["metrics"]) if "metrics" in files else None
    helps = read_benchmark(files["benchmark"]) if "benchmark" in files else None
    judged = read_audit_folder(files["audit"]) if "audit" in files else None
    if judged:
        require_same(judged, dataset, refined)
    sides = {"synthetic": synthetic, "refined": refined, "real": real}
    examples, large = _examples(dataset, **sides)
    scale, most, least = _changes(dataset, **sides)
    steps = reproduction(dataset.record, sides, output, files, distances, helps, judged and judged.summary)
    class_path = dict(facts(dataset.record)).get("model.class_path", "")
    names = (class_path.rpartition(".")[2].lower(), refined.resolve().name.replace("_", "").lower())
    page = template(TEMPLATE).render(
        title=title or f"Refined dataset: {shown(refined.resolve().name)}",
        version=refine.__version__,
        folders={name: str(folder) for name, folder in sides.items()},
        answers=[is_it_more_real(distances), are_the_labels_intact(dataset, judged), does_it_help(helps, names)],
        steps=steps,
        examples=examples,
        large=large,
        scale=scale,
        most=most,
        least=least,
        distances=distances,
        turned=distances and any(score.get("higher_is_nearer") for score in distances["rows"]["refined"].values()),
        distances_plot=distances_svg(distances) if distances else None,
        distances_table=distances_table(distances) if distances else None,
        benchmark=helps,
        warning=helps.get("warning") if helps else None,
        of="Classes" if helps and METRICS[helps["metric"]].factor == 100 else "Targets",
        benchmark_plot=benchmark_svg(helps) if helps else None,
        benchmark_table=benchmark_table(helps) if helps else None,
        classes_table=classes_table(helps) if helps else None,
        tuning=tuning_section(files["tuning"]) if "tuning" in files else None,
        audit=audit_section(judged, synthetic, refined) if judged else None,
        distances_record=facts(distances["provenance"]) if distances else [],
        audit_record=facts(judged.summary["provenance"]) if judged else [],
        benchmark_record=facts(helps["provenance"]) if helps else [],
        failures=dataset.failures[:FAILURES],
        failed=len(dataset.failures),
        commands=list(commands) or list(steps.values()),
        derived=not commands,
        notes=list(notes),
        run=facts(dataset.record),
    )
    return write_whole(output, page.encode())


def _examples(dataset: RefinedDataset, synthetic: Path, refined: Path, real: Path) -> tuple[list[Shown], bool]:
    """Cards of before, after and real, and whether the images are photographs rather than thumbnails."""
    keys = [image["key"] for image in dataset.images]
    if dataset.containers:
        keys += [record.key for record in Shelf(refined).records.values() if record.member]
    found = triples(synthetic, refined, real, keys_across_folders(keys, PAIRS))
    cards = [
        Shown(key, "", {"synthetic": data_uri(before), "refined": data_uri(after), "real": data_uri(other)})
        for key, before, after, other in found
    ]
    return cards, any(max(triple.before.size) > TINY for triple in found)


def extremes(images: Sequence[ManifestEntry], count: int) -> tuple[list[ManifestEntry], list[ManifestEntry]]:
    """The images that changed most, and of the others those that changed least."""
    by_change = sorted(images, key=lambda image: (-image["mean_absolute_change"], image["key"]))
    return by_change[:count], by_change[count:][-count:][::-1]


def _changes(
    dataset: RefinedDataset, synthetic: Path, refined: Path, real: Path
) -> tuple[int, list[Shown], list[Shown]]:
    """Cards of the largest and the smallest changes, and the scale of their colors in levels."""
    groups = extremes(dataset.images, EXTREMES)
    pictures = [triples(synthetic, refined, real, [image["key"] for image in group]) for group in groups]
    changes = [[change_between(each.before, each.after) for each in group] for group in pictures]
    flat = [change for group in changes for change in group]
    scale = max(8, int(np.ceil(max((np.percentile(change, 99) for change in flat), default=0.0))))
    most, least = (
        [
            Shown(
                image["key"],
                f"{image['mean_absolute_change']:.1f} levels",
                {
                    "before": data_uri(each.before),
                    "after": data_uri(each.after),
                    "change": data_uri(change_picture(change, scale)),
                },
            )
            for image, each, change in zip(group, shots, parts, strict=True)
        ]
        for group, shots, parts in zip(groups, pictures, changes, strict=True)
    )
    return scale, most, least
