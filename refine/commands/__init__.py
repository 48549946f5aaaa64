"""Flags of each command, and the one call that it makes. Nothing heavy is imported before a command runs."""

from typing import Any

from refine.commands.apply import add_apply
from refine.commands.audit import add_audit
from refine.commands.benchmark import add_benchmark
from refine.commands.datasets import add_render, add_verify
from refine.commands.inspection import add_inspect
from refine.commands.measures import add_evaluate, add_report
from refine.commands.models import add_export, add_import_weights, add_recipes
from refine.commands.trial import add_try
from refine.commands.tuning import add_tune_strength


def add_parsers(each: Any) -> None:
    """Add every command that is ours to argparse's subparsers."""
    for add in (
        add_try,
        add_apply,
        add_verify,
        add_inspect,
        add_audit,
        add_evaluate,
        add_tune_strength,
        add_benchmark,
        add_report,
        add_render,
        add_export,
        add_import_weights,
        add_recipes,
    ):
        add(each)
