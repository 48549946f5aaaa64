"""One HTML page of what was done and measured, and its pictures and plots as files."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from refine.report.page import write_report
    from refine.report.pictures import write_grid
    from refine.report.plots import benchmark_plot

__all__ = ["benchmark_plot", "write_grid", "write_report"]

_MODULE_OF = {"benchmark_plot": "plots", "write_grid": "pictures", "write_report": "page"}


def __getattr__(name: str) -> object:
    # Imported when first used: the page stands above parts that are made of this package's own plots and words.
    if name in _MODULE_OF:
        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
