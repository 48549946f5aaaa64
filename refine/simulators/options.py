"""Options of `refine render`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from refine.options import File, Flag, Folder, Positive


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """A simulator's labeled images (digits), by seed and parameters.

    Writes class folders of rendered images, with a JSON line of each image's parameters.
    """

    name: Annotated[Literal["digits"], Flag(positional=True)]
    """The simulator."""
    output: Folder
    """Where the images go."""
    count: Positive = 2000
    """Number of images."""
    seed: int = 0
    """Seed of all random draws."""
    parameters: File | None = None
    """YAML or JSON of ranges that replace the defaults."""
