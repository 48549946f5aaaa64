"""Every command that is ours: its options, from which its flags are derived, and the one call that it makes.

Nothing heavy is imported before a command runs.
"""

import argparse
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from refine.apply.options import ApplyOptions, VerifyOptions
from refine.audit.options import AuditOptions
from refine.benchmark.options import BenchmarkOptions, read_benchmark
from refine.commands.apply import run_apply, run_verify
from refine.commands.measures import (
    run_audit,
    run_benchmark,
    run_evaluate,
    run_inspect,
    run_report,
    run_try,
    run_tune_strength,
)
from refine.commands.models import run_export, run_import_weights, run_recipes, run_render
from refine.distances.options import EvaluateOptions
from refine.files import DEFAULT_SIZE
from refine.inspect.options import InspectOptions
from refine.interop.options import ExportOptions, ImportOptions
from refine.interrupts import FINISHED_KEPT, NOTHING_KEPT
from refine.options import add_flags, as_phrase, positive, read_options
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
    Command("try", TryOptions, run_try, FINISHED_KEPT),
    Command("apply", ApplyOptions, run_apply, FINISHED_KEPT),
    Command("verify", VerifyOptions, run_verify, "it changes nothing; the same command begins anew", False),
    Command("inspect", InspectOptions, run_inspect),
    Command("audit", AuditOptions, run_audit, FINISHED_KEPT),
    Command("evaluate", EvaluateOptions, run_evaluate),
    Command("tune-strength", TuneOptions, run_tune_strength),
    Command(
        "benchmark",
        BenchmarkOptions,
        run_benchmark,
        "finished trainings are kept; the same command goes on with the others",
        recipe=read_benchmark,
    ),
    Command("report", ReportOptions, run_report),
    Command("render", RenderOptions, run_render, reads_dataset=False),
    Command("export", ExportOptions, run_export, reads_dataset=False),
    Command("import-weights", ImportOptions, run_import_weights, reads_dataset=False),
    Command("recipes", RecipesOptions, run_recipes, reads_dataset=False),
)


def add_parsers(each: Any, only: str | None = None) -> None:
    """Add every command to argparse's subparsers.

    Args:
        each: The subparsers.
        only: The command that gets its flags; None: all do.
    """
    for command in COMMANDS:
        summary, *more = (inspect.getdoc(command.options) or command.name).split("\n\n")
        text = more[0] if more and not more[0].startswith("Raises:") else summary
        parser = each.add_parser(command.name, help=as_phrase(summary), description=" ".join(text.split()))
        parser.set_defaults(chosen=command)
        if only in (None, command.name):
            add_flags(parser, command.options, required=command.recipe is None)
        if command.reads_dataset and only in (None, command.name):
            parser.add_argument(
                "--max-file-size",
                type=positive,
                metavar="MIB",
                help="label files that are read whole, and single lines and elements of others, are refused above this "
                f"(default: {DEFAULT_SIZE})",
            )
