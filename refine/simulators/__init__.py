"""Parametric renderers that know their labels: what a closed loop will turn."""

from importlib import import_module


def __getattr__(name: str) -> object:
    if name in {"DigitsData", "RenderedImages"}:  # by these names in recipes; imported when first used: it needs torch
        return getattr(import_module("refine.simulators.rendering"), name)
    raise AttributeError(f"module 'refine.simulators' has no attribute {name!r}")
