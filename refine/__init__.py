"""Makes labeled synthetic images look more real, carries their labels along, and measures what it did to them."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
    from refine.apply.verification import verify
    from refine.benchmark.run import run_benchmark
    from refine.commands.apply import apply_checkpoint
    from refine.data import UnpairedImages
    from refine.distances.evaluate import evaluate
    from refine.errors import InputError
    from refine.methods import (
        CUT,
        FDA,
        ColorTransfer,
        CyCADA,
        CycleGAN,
        FeatureAdaptation,
        HistogramMatching,
        ImportedGenerator,
        SelfTraining,
        SimGAN,
        Task,
        load_method,
        load_translator,
    )
    from refine.report.pages.page import write_report
    from refine.simulators.digits import DigitsParameters
    from refine.simulators.rendering import render_digits
    from refine.training.fit import fit
    from refine.trial.run import try_methods

_HOME = {
    "DigitsParameters": "refine.simulators.digits",
    "InputError": "refine.errors",
    "UnpairedImages": "refine.data",
    "apply_checkpoint": "refine.commands.apply",
    "evaluate": "refine.distances.evaluate",
    "fit": "refine.training.fit",
    "render_digits": "refine.simulators.rendering",
    "run_benchmark": "refine.benchmark.run",
    "try_methods": "refine.trial.run",
    "verify": "refine.apply.verification",
    "write_report": "refine.report.pages.page",
}
"""Modules of the public names; all others stand in `refine.methods`."""

__all__ = [
    "CUT",
    "FDA",
    "ColorTransfer",
    "CyCADA",
    "CycleGAN",
    "DigitsParameters",
    "FeatureAdaptation",
    "HistogramMatching",
    "ImportedGenerator",
    "InputError",
    "SelfTraining",
    "SimGAN",
    "Task",
    "UnpairedImages",
    "apply_checkpoint",
    "evaluate",
    "fit",
    "load_method",
    "load_translator",
    "render_digits",
    "run_benchmark",
    "try_methods",
    "verify",
    "write_report",
]


def __getattr__(name: str) -> object:
    # Imported when first used: the command line must not wait for torch to print its help, nor take up Ctrl-C late.
    if name == "__version__":
        return _version()
    if name in __all__:
        return getattr(import_module(_HOME.get(name, "refine.methods")), name)
    raise AttributeError(f"module 'refine' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("sim2real-refine")
    except PackageNotFoundError:  # the sources alone, not installed
        return "0+unknown"
