"""One HTML page of what was done and measured, and its pictures and plots as files."""

from refine.report.pages.benchmarked import benchmark_plot
from refine.report.pages.page import write_report
from refine.report.pages.pictures import write_grid

__all__ = ["benchmark_plot", "write_grid", "write_report"]
