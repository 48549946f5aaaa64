"""Options of `refine tune-strength`."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from refine import options as flags


def shares(text: str) -> tuple[float, ...]:
    """Return numbers that have commas between them."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers, such as 0.25,0.5,1") from None


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """How much of the change? realism against label error.

    Refines images with each checkpoint and applies a part of the change: strength 0 leaves them as they are, 1 is what
    `refine apply` does. At each strength it measures the distance to the real images and how many labels a judge no
    longer finds, draws the curve, and names the nearest one whose label error stays under a bound.
    """

    checkpoint: Annotated[tuple[Path, ...], flags.Flag("FILE", many="words")]
    """Translators: .ckpt files or bundles."""
    synthetic: flags.Folder
    """Labeled images before."""
    real: flags.Folder
    """Real images."""
    judge: flags.Files
    """Checkpoint of a task model of these labels; may be given several times: they answer together."""
    strengths: Annotated[tuple[float, ...], flags.Flag("A,B,…", shares)] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Parts of the change, 0 to 1 (default: 0,0.25,0.5,0.75,1); 0 is always tried."""
    label_error_bound: Annotated[float, flags.Flag("E")] = 0.05
    """Highest label error: the upper end of its interval on every other image, confirmed on the rest; 0.05, the
    default, takes 144 images of classes at least."""
    features: flags.Words = ("swd",)
    """As of `refine evaluate`; with swd (default) the choice is made by it, else by the KID of the first."""
    weights: flags.File | None = None
    """Weights of the network, where the caches have none."""
    size: flags.Size | None = None
    """At which images are compared and judged (default: the real ones'); take the one that judges were fitted at."""
    count: flags.Positive = 500
    """Images of each side, at most."""
    layout: flags.LayoutName = "auto"
    real_layout: flags.RealLayoutName = "auto"
    mapping: flags.ClassMapping | None = None
    device: flags.Device = "auto"
    seed: int = 0
    """Seed of patches, projections and halves."""
    output: flags.Folder
    """For tune-strength.json and tune-strength.png."""
    trust: flags.Trusted = ()
