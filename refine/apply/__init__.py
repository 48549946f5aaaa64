"""Refining a dataset on disk, and holding the result against its manifest."""

from refine.apply.run import apply, refine_dataset
from refine.apply.summary import ApplySummary
from refine.apply.verify import verify

__all__ = ["ApplySummary", "apply", "refine_dataset", "verify"]
