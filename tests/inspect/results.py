"""What an inspection found, made by hand: plain values that a test changes."""

from typing import Any, cast

from refine.inspect.result import DatasetSummary, DomainGap, Inspection, Labels


def labels(**more: Any) -> Labels:
    """None at all."""
    plain = {"kind": "none", "labeled": 0, "parts": {}, "classes": [], "void": None}
    return cast("Labels", {**plain, "targets": [], "boxes": None, "notes": [], **more})


def side(**more: Any) -> DatasetSummary:
    """Four images without labels or findings."""
    plain: dict[str, Any] = {
        "path": "/data/set",
        "layout": "images",
        "why": "as asked for",
        "images": 4,
        "sizes": {"8x9": 4},
    }
    return cast(
        "DatasetSummary",
        {**plain, "modes": {"RGB": 4}, "formats": {"png": 4}, "labels": labels(), "findings": [], **more},
    )


def gap(**more: Any) -> DomainGap:
    """Four images and three of 8x9, two decibels apart, without a warning."""
    color = {"mean": [0.0] * 3, "deviation": [0.0] * 3}
    spectrum = {"frequencies": [0.1, 0.4], "here": [3.0, 2.0], "real": [1.0, 0.0], "difference": 2.0, "floor": None}
    plain = {"images": [4, 3], "size": [8, 9], "color_here": color, "color_real": color, "spectrum": spectrum}
    return cast(
        "DomainGap",
        {**plain, "distances": [], "maps_of": "classes of mask", "maps": [], "warnings": [], "notes": [], **more},
    )


def result(**more: Any) -> Inspection:
    """One side, and nothing wrong with it."""
    plain = {"version": "1.2.3", "dataset": side(), "real": None, "gap": None, "faults": 0, "suspicious": 0}
    return cast("Inspection", {**plain, **more})
