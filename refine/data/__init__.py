"""Samples, layouts, and the batches of two domains."""

from typing import TYPE_CHECKING

from refine.data.samples import Labeled, Record, UnpairedBatch

if TYPE_CHECKING:
    from refine.data.unpaired import UnpairedImages

__all__ = ["Labeled", "Record", "UnpairedBatch", "UnpairedImages"]


def __getattr__(name: str) -> object:
    # Imported when first used: whoever lists a dataset should not hold Lightning in memory.
    if name == "UnpairedImages":
        from refine.data.unpaired import UnpairedImages

        return UnpairedImages
    raise AttributeError(f"module 'refine.data' has no attribute {name!r}")
