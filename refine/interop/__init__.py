"""Models for others and from others: bundles, ONNX, generators of other projects."""
