"""Options of `refine render`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from refine.options import File, Flag, Folder, Positive

SimulatorName = Literal["digits", "meter", "nuclei"]


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """A simulator's labeled images (digits, meter, nuclei), by seed and parameters.

    Writes rendered images with their labels: class folders of digits; drums of meters, whose readings stand in a table;
    nuclei with a mask of each. A JSON line has each image's parameters.
    """

    name: Annotated[SimulatorName, Flag(positional=True)]
    """The simulator."""
    output: Folder
    """Where the images go."""
    count: Positive = 2000
    """Number of images."""
    seed: int = 0
    """Seed of all random draws."""
    parameters: File | None = None
    """YAML or JSON of ranges that replace the defaults."""
