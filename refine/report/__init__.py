"""One HTML page of what was done and measured, and its pictures and plots as files."""

from refine.report.page import write_report
from refine.report.pictures import write_grid
from refine.report.plots import benchmark_plot

__all__ = ["benchmark_plot", "write_grid", "write_report"]
