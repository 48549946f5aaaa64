"""How much refinement is right? Realism against label error, over strengths and checkpoints."""

from refine.tuning.result import Tuning
from refine.tuning.run import tune_strength
from refine.tuning.table import print_tuning, recommendation

__all__ = ["Tuning", "print_tuning", "recommendation", "tune_strength"]
