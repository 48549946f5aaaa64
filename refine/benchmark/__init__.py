"""Train on X, test on real: source-only, refined, mixed, target-supervised."""

from refine.benchmark.result import Benchmark, Row
from refine.benchmark.run import run_benchmark
from refine.benchmark.table import print_table

__all__ = ["Benchmark", "Row", "print_table", "run_benchmark"]
