"""Samples, layouts, and the batches of two domains."""

from refine.data.samples import Labeled, Record, UnpairedBatch
from refine.data.unpaired import UnpairedImages

__all__ = ["Labeled", "Record", "UnpairedBatch", "UnpairedImages"]
