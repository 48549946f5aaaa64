"""Train on X, test on real: source-only, refined, mixed, target-supervised."""

from refine.benchmark.classification import benchmark
from refine.benchmark.result import Benchmark, Row
from refine.benchmark.table import print_table

__all__ = ["Benchmark", "Row", "benchmark", "print_table"]
