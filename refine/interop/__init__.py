"""Models for others and from others: bundles, ONNX, generators of other projects."""

from refine.interop.bundle import write_bundle
from refine.interop.foreign import import_generator
from refine.interop.onnx import write_onnx

__all__ = ["import_generator", "write_bundle", "write_onnx"]
