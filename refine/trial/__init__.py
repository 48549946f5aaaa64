"""Every method that fits, in minutes, on one pair of datasets."""

from refine.trial.result import Trial
from refine.trial.run import try_methods

__all__ = ["Trial", "try_methods"]
