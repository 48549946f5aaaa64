"""Options of `refine try`."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from refine import options as flags
from refine.errors import InputError

TRIAL = "settings.json"
"""File by which the folder of a trial is known."""


def above_zero(text: str) -> float:
    """Return a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


@dataclass(frozen=True, kw_only=True)
class TryOptions:
    """Every method that fits, in minutes: one page, a recommendation.

    Trains every method that fits the data for a fair part of the time, in sizes that it allows for, and writes a page
    with pictures side by side, distances to real and how many labels a judge still finds; it recommends one with the
    command to go on, or says why it cannot decide. Stopped, the same command goes on.
    """

    synthetic: Annotated[Path, flags.Flag("SYNTHETIC", positional=True)]
    """The synthetic dataset."""
    real: Annotated[Path, flags.Flag("REAL", positional=True)]
    """Folder of real images; labels there are never read."""
    minutes: Annotated[float, flags.Flag("N", above_zero)] | None = None
    """Time for all of it (default: 10 on a CPU, 60 with CUDA)."""
    labeled_real: flags.Folder | None = None
    """Some labeled real images: a task model is trained on what each method makes, and tested on them."""
    classes: flags.Classes | None = None
    layout: flags.LayoutName = "auto"
    real_layout: flags.RealLayoutName = "auto"
    mapping: flags.ClassMapping | None = None
    device: flags.Device = "auto"
    trust: flags.Trusted = ()
    output: flags.Folder = Path("refine-try")
    """For try.html, try.json and what the methods leave."""

    def require_apart(self) -> None:
        """Hold the folders against each other.

        Raises:
            InputError: If one lies in the other, the output lies in an input, or holds what no trial left.
        """
        synthetic, real, output = self.synthetic, self.real, self.output
        if synthetic.resolve() == real.resolve():
            raise InputError(f"{real}: is the synthetic dataset, too; name the folder of the real images")
        for inner, outer in ((synthetic, real), (real, synthetic)):
            if inner.resolve().is_relative_to(outer.resolve()):
                raise InputError(f"{inner}: lies in {outer}, whose images would be on both sides; name folders apart")
        for name, folder in (("synthetic", synthetic), ("real", real)):
            if output.resolve().is_relative_to(folder.resolve()):
                raise InputError(f"{output}: lies in the {name} images {folder}; name another --output")
        if output.is_dir() and any(output.iterdir()) and not (output / TRIAL).is_file():
            raise InputError(f"{output}: holds something else; name another --output")
