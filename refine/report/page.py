"""The page: reads what the other commands wrote, and hands it to the template."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import refine
from refine.errors import InputError
from refine.files import shown, write_whole
from refine.report.answers import are_the_labels_intact, is_it_more_real
from refine.report.audit_section import audit_section
from refine.report.audited import Audited, read_audit
from refine.report.benchmarked import Benchmark, read_benchmark
from refine.report.choose import extremes
from refine.report.commands import reproduction
from refine.report.helps import does_it_help
from refine.report.kit.page import Answer, template
from refine.report.kit.pictures import TINY, data_uri, spread
from refine.report.measured import Metrics, read_metrics
from refine.report.pictures import Shelf, change_between, change_picture, triples
from refine.report.plots import benchmark_svg, distances_svg
from refine.report.read import Node
from refine.report.refined import RefinedDataset, read_refined
from refine.report.tables import benchmark_table, classes_table, distances_table
from refine.report.tuned import tuning_section

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
    metrics, benchmark, audit, tuning = (
        None if path is None else Path(path) for path in (metrics, benchmark, audit, tuning)
    )
    if output.resolve().is_relative_to(refined.resolve()):
        raise InputError(
            f"{output}: lies in the refined dataset, where `refine verify` takes it for a stray file; "
            "choose another output"
        )
    dataset = read_refined(refined)
    distances = read_metrics(metrics) if metrics else None
    helps = read_benchmark(benchmark) if benchmark else None
    audited = read_audit(audit) if audit else None
    if audited:
        _require_same(audited, dataset, refined)
    examples, large = _examples(dataset, synthetic, refined, real)
    scale, most, least = _changes(dataset, synthetic, refined, real)
    steps = reproduction(dataset.run, synthetic, refined, real, metrics, benchmark, output, audit, tuning)
    page = template(TEMPLATE).render(
        title=title or f"Refined dataset: {shown(refined.resolve().name)}",
        version=refine.__version__,
        folders={"synthetic": str(synthetic), "refined": str(refined), "real": str(real)},
        answers=_answers(dataset, distances, helps, audited, refined),
        steps=steps,
        examples=examples,
        large=large,
        scale=scale,
        most=most,
        least=least,
        distances=distances,
        turned=distances is not None and any(score.higher_is_nearer for score in distances.rows["refined"].values()),
        distances_plot=distances_svg(distances) if distances else None,
        distances_table=distances_table(distances) if distances else None,
        benchmark=helps,
        benchmark_plot=benchmark_svg(helps) if helps else None,
        benchmark_table=benchmark_table(helps) if helps else None,
        classes_table=classes_table(helps) if helps and helps.by_class else None,
        tuning=tuning_section(tuning) if tuning else None,
        audit=audit_section(audited, synthetic, refined) if audited else None,
        audit_record=Node(audited.summary["provenance"], "", "").flat() if audited else [],
        failures=dataset.failures[:FAILURES],
        failed=len(dataset.failures),
        commands=list(commands) or list(steps.values()),
        derived=not commands,
        notes=list(notes),
        run=dataset.run.flat(),
    )
    return write_whole(output, page.encode())


def _answers(
    dataset: RefinedDataset,
    metrics: Metrics | None,
    benchmark: Benchmark | None,
    audited: Audited | None,
    refined: Path,
) -> list[Answer]:
    class_path = dict(dataset.run.flat()).get("model.class_path", "")
    names = (class_path.rpartition(".")[2].lower(), refined.resolve().name.replace("_", "").lower())
    labels = are_the_labels_intact(dataset, audited)
    return [is_it_more_real(metrics), labels, does_it_help(benchmark, names)]


def _require_same(audited: Audited, dataset: RefinedDataset, refined: Path) -> None:
    """Hold an audit against the dataset that it is shown with."""
    keys = {image.key for image in dataset.images}
    judged = {certificate["key"] for certificate in audited.certificates}
    if judged and keys and not judged & keys and not dataset.containers:
        raise InputError(
            f"{audited.folder}: judges other images than those in {refined}, such as {shown(min(judged))}; give the "
            "audit of this dataset"
        )


def _examples(dataset: RefinedDataset, synthetic: Path, refined: Path, real: Path) -> tuple[list[Shown], bool]:
    """Cards of before, after and real, and whether the images are photographs rather than thumbnails."""
    keys = [image.key for image in dataset.images]
    if dataset.containers:
        keys += [record.key for record in Shelf(refined).records.values() if record.member]
    found = triples(synthetic, refined, real, spread(keys, PAIRS))
    cards = [
        Shown(
            key,
            "",
            {"synthetic": data_uri(before), "refined": data_uri(after), "real": data_uri(other)},
        )
        for key, before, after, other in found
    ]
    return cards, any(max(triple.before.size) > TINY for triple in found)


def _changes(
    dataset: RefinedDataset, synthetic: Path, refined: Path, real: Path
) -> tuple[int, list[Shown], list[Shown]]:
    """Cards of the largest and the smallest changes, and the scale of their colors in levels."""
    groups = extremes(dataset.images, EXTREMES)
    pictures = [triples(synthetic, refined, real, [image.key for image in group]) for group in groups]
    changes = [[change_between(each.before, each.after) for each in group] for group in pictures]
    flat = [change for group in changes for change in group]
    scale = max(8, int(np.ceil(max((np.percentile(change, 99) for change in flat), default=0.0))))
    most, least = (
        [
            Shown(
                image.key,
                f"{image.change:.1f} levels",
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
