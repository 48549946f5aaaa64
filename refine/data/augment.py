"""Random geometry of a training sample, by `refine.data.geometry`."""

from dataclasses import dataclass

import torch

from refine.data.gaze_geometry import refusal
from refine.data.geometry import Sample, crop, horizontal_flip, pad, rotate, vertical_flip
from refine.data.samples import LabelSpace
from refine.errors import InputError


@dataclass(frozen=True)
class Augmentation:
    """Which geometric changes an image may go through in training.

    Attributes:
        crop: Height and width of a random crop; None keeps the whole image.
        shift: Largest shift in pixels, each way; the border is replicated.
        horizontal_flip: Whether mirroring left and right keeps every label true.
        vertical_flip: The same for up and down.
        rotate: Largest turn in degrees, each way, about the middle and before the crop; 0 to 180.

    Raises:
        InputError: If the turn is out of its range.
    """

    crop: tuple[int, int] | None = None
    shift: int = 0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    rotate: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.rotate <= 180:
            raise InputError(f"rotate is {self.rotate}; expected degrees from 0 to 180")

    def __call__(self, sample: Sample, space: LabelSpace, generator: torch.Generator) -> Sample:
        """Change an image and its labels alike.

        Args:
            sample: What to move.
            space: What its labels mean.
            generator: Draws everything; what is switched off draws nothing.

        Raises:
            InputError: Where `check_labels` would.
        """
        if self.shift:
            down, across = (
                v - self.shift for v in torch.randint(2 * self.shift + 1, (2,), generator=generator).tolist()
            )
            height, width = sample.size
            border = (max(0, -across), max(0, -down), max(0, across), max(0, down))
            sample = crop(pad(sample, border, edge=True), max(0, down), max(0, across), height, width)
        if self.rotate:
            degrees = self.rotate * (2 * float(torch.rand((), generator=generator)) - 1)
            sample = rotate(sample, degrees, space)
        if self.crop is not None:
            height, width = self.crop
            rows, columns = sample.size
            top = int(torch.randint(rows - height + 1, (), generator=generator))
            left = int(torch.randint(columns - width + 1, (), generator=generator))
            sample = crop(sample, top, left, height, width)
        if self.horizontal_flip and torch.rand((), generator=generator) < 0.5:
            sample = horizontal_flip(sample, space)
        if self.vertical_flip and torch.rand((), generator=generator) < 0.5:
            sample = vertical_flip(sample, space)
        return sample

    def check(self, name: str, size: tuple[int, int]) -> None:
        """Raise `InputError` if an image of this height and width is smaller than the crop."""
        if self.crop is not None and (size[0] < self.crop[0] or size[1] < self.crop[1]):
            raise InputError(
                f"{name}: {size[0]}x{size[1]} (height x width) is smaller than the crop "
                f"{self.crop[0]}x{self.crop[1]}; give a smaller --data.crop, or --data.resize"
            )

    def check_labels(self, name: str, space: LabelSpace) -> None:
        """Raise `InputError` if one of the changes would make labels of this kind wrong."""
        reason = refusal(space, self.horizontal_flip, self.vertical_flip, self.rotate > 0)
        if reason is not None:
            raise InputError(f"{name}: {reason}")
