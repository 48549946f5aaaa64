"""Every command that is ours: its options, from which its flags are derived, and the one call that it makes.

Nothing heavy is imported before a command runs.
"""

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from refine.apply.options import ApplyOptions, VerifyOptions
from refine.audit.options import AuditOptions
from refine.benchmark.options import BenchmarkOptions, benchmark_options
from refine.commands.apply import apply_command, verify_command
from refine.commands.calls import (
    audit_command,
    benchmark_command,
    evaluate_command,
    export_command,
    import_weights_command,
    inspect_command,
    recipes_command,
    render_command,
    report_command,
    try_command,
    tune_strength_command,
)
from refine.distances.options import EvaluateOptions
from refine.inspect.options import InspectOptions
from refine.interop.options import ExportOptions, ImportOptions
from refine.interrupts import FINISHED_KEPT, NOTHING_KEPT
from refine.options import read_options
from refine.recipes import RecipesOptions
from refine.report.pages.options import ReportOptions
from refine.simulators.options import RenderOptions
from refine.trial.options import TryOptions
from refine.tuning.options import TuneOptions


class Command(NamedTuple):
    """One command."""

    name: str
    options: type[Any]
    """Its docstring is the command's help."""
    run: Callable[[Any], int]
    """Takes the options and returns the exit code. After its imports it calls `refine.interrupts.begin`."""
    kept: str = NOTHING_KEPT
    """Results that a stop by Ctrl-C or SIGTERM leaves, and how to go on."""
    reads_dataset: bool = True
    """Whether it has a bound on the size of files."""
    recipe: Callable[[Mapping[str, Any]], Any] | None = None
    """Reads the options of a command whose flags may stand in a recipe."""

    def read(self, given: argparse.Namespace) -> Any:
        """Return the options that a parsed command line gives."""
        return (self.recipe or partial(read_options, self.options))(vars(given))


COMMANDS = (
    Command("try", TryOptions, try_command, FINISHED_KEPT),
    Command("apply", ApplyOptions, apply_command, FINISHED_KEPT),
    Command("verify", VerifyOptions, verify_command, "it changes nothing; the same command begins anew", False),
    Command("inspect", InspectOptions, inspect_command),
    Command("audit", AuditOptions, audit_command, FINISHED_KEPT),
    Command("evaluate", EvaluateOptions, evaluate_command),
    Command("tune-strength", TuneOptions, tune_strength_command),
    Command(
        "benchmark",
        BenchmarkOptions,
        benchmark_command,
        "finished trainings are kept; the same command goes on with the others",
        recipe=benchmark_options,
    ),
    Command("report", ReportOptions, report_command),
    Command("render", RenderOptions, render_command, reads_dataset=False),
    Command("export", ExportOptions, export_command, reads_dataset=False),
    Command("import-weights", ImportOptions, import_weights_command, reads_dataset=False),
    Command("recipes", RecipesOptions, recipes_command, reads_dataset=False),
)
