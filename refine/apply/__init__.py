"""Refining a dataset on disk, and holding the result against its manifest."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from refine.apply.run import refine_dataset, refine_folder
    from refine.apply.verification import ApplySummary, verify

__all__ = ["ApplySummary", "refine_dataset", "refine_folder", "verify"]

_HOME = {
    "ApplySummary": "refine.apply.verification",
    "refine_dataset": "refine.apply.run",
    "refine_folder": "refine.apply.run",
    "verify": "refine.apply.verification",
}


def __getattr__(name: str) -> object:
    # Imported when first used: holding hashes against a manifest must not wait for torch.
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'refine.apply' has no attribute {name!r}")
