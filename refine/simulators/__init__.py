"""Parametric renderers that know their labels: what a closed loop will turn."""


def __getattr__(name: str) -> object:
    if name == "DigitsData":  # by this name in recipes; imported when first used, as all that needs torch
        from refine.simulators.rendering import DigitsData

        return DigitsData
    raise AttributeError(f"module 'refine.simulators' has no attribute {name!r}")
