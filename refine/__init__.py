"""Makes labeled synthetic images look more real, carries their labels along, and measures what it did to them."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
    from refine.apply.verification import verify
    from refine.benchmark import run_benchmark
    from refine.commands.apply import apply_checkpoint
    from refine.data import UnpairedImages
    from refine.distances import evaluate
    from refine.methods import (
        CUT,
        FDA,
        ColorTransfer,
        CyCADA,
        CycleGAN,
        FeatureAdaptation,
        HistogramMatching,
        ImportedGenerator,
        SimGAN,
        Task,
        load_method,
        load_translator,
    )
    from refine.report.pages import write_report
    from refine.simulators import DigitsParameters, render_digits
    from refine.training.fit import fit
    from refine.trial import try_methods

_HOME = {
    "refine.apply.verification": ("verify",),
    "refine.benchmark": ("run_benchmark",),
    "refine.commands.apply": ("apply_checkpoint",),
    "refine.data": ("UnpairedImages",),
    "refine.methods": (
        "CUT",
        "FDA",
        "ColorTransfer",
        "CyCADA",
        "CycleGAN",
        "FeatureAdaptation",
        "HistogramMatching",
        "ImportedGenerator",
        "SimGAN",
        "Task",
        "load_method",
        "load_translator",
    ),
    "refine.distances": ("evaluate",),
    "refine.report.pages": ("write_report",),
    "refine.simulators": ("DigitsParameters", "render_digits"),
    "refine.training.fit": ("fit",),
    "refine.trial": ("try_methods",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

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
    if name in _MODULE_OF:
        return getattr(import_module(_MODULE_OF[name]), name)
    raise AttributeError(f"module 'refine' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("sim2real-refine")
    except PackageNotFoundError:  # the sources alone, not installed
        return "0+unknown"
