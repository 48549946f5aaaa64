"""What a method asks of the data that it is trained on, whatever datamodule gives it."""

from pathlib import Path
from typing import Protocol

from refine.data.samples import LabelSpace


class TrainingData(Protocol):
    """Labeled synthetic images beside unlabeled real ones; known once the datamodule is set up."""

    @property
    def label_space(self) -> LabelSpace:
        """Of the synthetic labels."""

    @property
    def synthetic(self) -> Path:
        """Where they come from, for messages."""

    @property
    def batch_size(self) -> int:
        """Images of each domain in a step, on each process."""

    @property
    def working_size(self) -> tuple[int, int] | None:
        """Height and width that images are resized to; None at native scale."""

    @property
    def training_size(self) -> tuple[int, int]:
        """Height and width of a training image."""

    def require_labels(self) -> None:
        """Raise `InputError` if a label is missing, or there is nothing to learn."""
