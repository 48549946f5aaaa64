"""Distances between folders of images, and how many labels judges no longer find."""

from refine.distances.evaluate import evaluate
from refine.distances.result import Evaluation, Score, print_table

__all__ = ["Evaluation", "Score", "evaluate", "print_table"]
