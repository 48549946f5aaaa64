"""What a dataset holds, what is wrong with it, and how far it is from real images before any training."""

from refine.inspect.result import Inspection
from refine.inspect.run import as_json, inspect
from refine.inspect.text import print_inspection

__all__ = ["Inspection", "as_json", "inspect", "print_inspection"]
