"""The call that each command makes, but for `apply` and `verify`."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from refine.audit.options import AuditOptions
from refine.benchmark.options import BenchmarkOptions
from refine.distances.options import EvaluateOptions
from refine.files import require_new
from refine.inspect.options import InspectOptions
from refine.interop.options import ExportOptions, ImportOptions
from refine.interrupts import begin, finish
from refine.recipes import RecipesOptions, list_recipes, recipe_summary
from refine.report.pages.options import ReportOptions
from refine.simulators.options import RenderOptions
from refine.trial.options import TryOptions
from refine.tuning.options import TuneOptions

if TYPE_CHECKING:
    from refine.metrics.features import FeatureExtractor


def inspect_command(options: InspectOptions) -> int:
    """`refine inspect`."""
    from refine.devices import choose_device
    from refine.inspect.run import inspect
    from refine.inspect.text import print_inspection

    place = choose_device(options.device)
    features = options.features or (("inception-2048",) if options.weights else ())
    networks: list[FeatureExtractor] = []
    if features:
        from refine.distances.networks import extractors

        begin()
        networks = extractors(features, options.weights, str(place), options.trust)
    begin()
    result = inspect(options, networks)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print_inspection(result)
    return 1 if result["faults"] else 0


def audit_command(options: AuditOptions) -> int:
    """`refine audit`."""
    from refine.audit.review import add_decisions, draw_sample
    from refine.audit.run import run_audit
    from refine.audit.table import print_sample, print_summary

    begin()
    alone = options.synthetic is None and options.refined is None
    if alone and options.sample is not None and options.decisions is None:
        draw_sample(options.output, options.sample, options.seed, options.groups)
        print_sample(options.output)
        return 0
    if alone and options.decisions is not None and options.sample is None:
        audit = add_decisions(options.output, options.decisions)
    else:
        audit = run_audit(options)
    finish()
    print_summary(audit, options.output)
    if options.sample is not None:
        draw_sample(options.output, options.sample, options.seed)
        print_sample(options.output)
    return 1 if audit["counts"]["fail"] else 0


def evaluate_command(options: EvaluateOptions) -> int:
    """`refine evaluate`."""
    from refine.devices import choose_device
    from refine.distances.evaluate import evaluate
    from refine.distances.networks import TaskSegmenter, extractors
    from refine.distances.result import print_table

    begin()
    place = choose_device(options.device)
    networks = extractors(options.features, options.weights, str(place), options.trust, options.resize)
    usual = [*(["swd"] if "swd" in options.features else []), *(["fid", "kid"] if networks else [])]
    result = evaluate(
        options.synthetic,
        options.refined,
        options.real,
        metrics=options.metrics or usual,
        extractors=networks,
        neighbors=options.neighbors,
        infinite=options.infinite,
        groups=options.groups,
        size=options.size,
        images=options.images,
        layouts=(options.layout, options.real_layout),
        mappings=(options.mapping, options.real_mapping),
        segmenter=TaskSegmenter(options.segmenter, options.trust, place) if options.segmenter else None,
        output=options.output,
        seed=options.seed,
        device=place,
    )
    print_table(result)
    return 0


def tune_strength_command(options: TuneOptions) -> int:
    """`refine tune-strength`."""
    from refine.tuning.run import tune_strength
    from refine.tuning.table import print_tuning

    begin()
    print_tuning(tune_strength(options))
    return 0


def benchmark_command(options: BenchmarkOptions) -> int:
    """`refine benchmark`."""
    rows = options.rows()

    from refine.benchmark.datasets import choose_baselines
    from refine.benchmark.run import run_benchmark
    from refine.benchmark.table import print_table
    from refine.report.pages.benchmarked import benchmark_plot

    begin()
    result = run_benchmark(
        options.synthetic,
        rows,
        options.real,
        classes=options.classes,
        real_train=options.real_train,
        real_few=options.real_few,
        mix=options.mix,
        joined=options.joined,
        scored=options.scored,
        baselines=choose_baselines(options.baselines),
        groups=options.groups,
        seeds=options.seeds,
        steps=options.steps,
        batch_size=options.batch_size,
        network=options.network,  # type: ignore[arg-type]  # its name is checked
        width=options.width,
        learning_rate=options.learning_rate,
        size=options.size,
        layouts=(options.layout, options.real_layout),
        mappings=(options.mapping, options.real_mapping),
        horizontal_flip=options.horizontal_flip,
        strong=options.strong,
        unlabeled=options.unlabeled,
        shift=options.shift,
        jobs=options.jobs,
        device=options.device,
        output=options.output,
    )
    print_table(result)
    benchmark_plot(result, options.output / "benchmark.png")
    return 0


def report_command(options: ReportOptions) -> int:
    """`refine report`."""
    from refine.report.pages.page import write_report

    begin()
    page = write_report(
        options.output,
        synthetic=options.synthetic,
        refined=options.refined,
        real=options.real,
        metrics=options.metrics,
        benchmark=options.benchmark,
        audit=options.audit,
        tuning=options.tuning,
        title=options.title,
    )
    print(page)
    return 0


def try_command(options: TryOptions) -> int:
    """`refine try`."""
    options.require_apart()
    from refine.terminal import typed
    from refine.trial.run import run_trial

    begin()
    trial = run_trial(options, lambda line: print(line, flush=True))
    found = trial["recommendation"]
    print(f"recommended: {found['method']}" if found["method"] else "cannot be decided")
    for reason in found["reasons"]:
        print(f"  {reason}")
    print(f"page: {options.output / 'try.html'}")
    for line in [*filter(None, [found["command"]]), *found.get("next", [])]:
        careful = " (loses labels)" if line in found.get("loses_labels", []) else ""
        print(f"next{careful}: {typed(*shlex.split(line)[1:])}")
    return 0


def export_command(options: ExportOptions) -> int:
    """`refine export`."""
    require_new(options.output)
    from refine.interop.bundle import write_bundle, write_card
    from refine.methods.checkpoint import load_method, read_checkpoint
    from refine.methods.translator import Translator

    begin()
    method = load_method(options.checkpoint, options.trust)
    stored = None if options.checkpoint.is_dir() else read_checkpoint(options.checkpoint)
    differences: list[float] = []

    def add(folder: Path) -> None:
        write_card(folder, method, stored)
        if options.onnx:
            from refine.interop.onnx import write_onnx

            differences.append(write_onnx(method, folder))

    write_bundle(method, options.output, add)
    finish()
    for difference in differences:
        print(f"model.onnx: differs from torch by {difference:.1e} at most, on three sizes")
        if isinstance(method, Translator) and (size := method.working_size):  # `model.onnx` leaves resizing to others
            print(f"model.onnx: trained on images resized to {size[0]}x{size[1]} (height x width); give it that size")
    print(options.output)
    return 0


def import_weights_command(options: ImportOptions) -> int:
    """`refine import-weights`."""
    require_new(options.output)
    from refine.interop.bundle import write_bundle, write_card
    from refine.interop.foreign import import_generator

    begin()
    generator, found = import_generator(options.file, options.norm, options.dropout, options.padding)
    generator.working_size = options.working_size
    write_bundle(generator, options.output, lambda folder: write_card(folder, generator))
    finish()
    print(found.text())
    print(options.output)
    return 0


def recipes_command(options: RecipesOptions) -> int:
    """`refine recipes`."""
    recipes = list_recipes()
    if options.json:
        print(json.dumps({name: str(path) for name, path in recipes.items()}, indent=2))
        return 0
    width = max(len(name) for name in recipes)
    for name, path in recipes.items():
        print(f"{name:<{width}}  {recipe_summary(path)}")
    return 0


def render_command(options: RenderOptions) -> int:
    """`refine render`."""
    from refine.simulators.ranges import read_parameters
    from refine.simulators.rendering import SIMULATORS, render

    begin()
    kind = SIMULATORS[options.name].parameters
    parameters = read_parameters(options.parameters, kind) if options.parameters else kind()
    render(options.name, options.output, options.count, options.seed, parameters)
    print(options.output)
    return 0
