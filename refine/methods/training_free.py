"""Base class of translators without training: one pass over the images of each side, then a fixed map."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar, cast

import torch
from torch import Tensor, nn

from refine.data.samples import TrainingData, UnpairedBatch
from refine.errors import InputError
from refine.methods.translator import Translator

PROBE = 8
"""Side of an image that statistics are tried on."""

Side = Literal["synthetic", "real"]


class Statistics(nn.Module, ABC):
    """Running sums over the images of one side. Every buffer is a sum, so batches and processes add up in any split.

    Args:
        channels: Of the images.
    """

    count: Tensor
    """``()`` float64: how much was counted, in the unit of the subclass."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    @abstractmethod
    def of(self, images: Tensor) -> Mapping[str, Tensor]:
        """Return what ``(B, channels, H, W)`` images in [-1, 1] add to each buffer, by the buffer's name."""

    @torch.no_grad()
    def add(self, images: Tensor, over_processes: Callable[[Tensor], Tensor] = lambda part: part) -> None:
        """Count a batch.

        Args:
            images: ``(B, channels, H, W)`` in [-1, 1].
            over_processes: Sums one process's part with those of the others; left out, there are no others.

        Raises:
            ValueError: If the images have another number of channels: the sums would broadcast silently.
        """
        if images.shape[1] != self.channels:
            raise ValueError(f"images have {images.shape[1]} channels, and these statistics are of {self.channels}")
        for name, part in self.of(images).items():
            self.get_buffer(name).add_(over_processes(part))


class TrainingFree(Translator):
    """A translator that `refine fit` fits in one pass of `steps` batches, and that descends no loss.

    The sums of every batch are added over all processes before they are kept. So they are equal on all processes
    at every step, and the checkpoint of one process holds the images of all.
    """

    def build(self) -> None:
        """Make the one parameter that DDP asks for."""
        super().build()
        self.unsaved = _Unsaved()

    @abstractmethod
    def statistics(self) -> Mapping[Side, Statistics]:
        """The sums of each side that the method looks at."""

    def prepare(self, stage: str, data: TrainingData | None) -> None:
        """Take no working size over: a fixed map fits every size, at full detail."""

    def training_step(self, batch: UnpairedBatch, batch_idx: int) -> None:
        """Count one batch of both sides, with those of the other processes."""
        images: dict[Side, Tensor] = {"synthetic": batch["synthetic"].image, "real": batch["real"]}
        for side, statistics in self.statistics().items():
            statistics.add(images[side], self._sum_over_processes)
        self.count_step()

    def _sum_over_processes(self, part: Tensor) -> Tensor:
        return cast(Tensor, self.trainer.strategy.reduce(part, reduce_op="sum"))

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """None: there is nothing to descend."""
        return []

    def require_fitted(self) -> None:
        """Raise `InputError` if there are no statistics, or nothing can be refined with those that there are."""
        super().require_fitted()
        self.require_statistics()
        try:
            self(torch.zeros(1, self.channels, PROBE, PROBE))
        except (RuntimeError, IndexError, ValueError) as error:
            raise InputError(
                f"the statistics of this {type(self).__name__} are those of no images ({str(error).splitlines()[0]})"
            ) from error

    def require_statistics(self) -> None:
        """Raise `InputError` if a side that the method looks at was never counted."""
        for side, statistics in self.statistics().items():
            if not statistics.count > 0:
                raise InputError(
                    f"this {type(self).__name__} holds no statistics of {side} images; "
                    "fit it on synthetic and real images first"
                )


Fitted = TypeVar("Fitted", bound=TrainingFree)


def fit_statistics(translator: Fitted, synthetic: Iterable[Tensor], real: Iterable[Tensor]) -> Fitted:
    """Count every image of two datasets once, outside of a trainer.

    Args:
        translator: Is changed; what it counted before stays counted.
        synthetic: Batches ``(B, channels, H, W)`` in [-1, 1]; not read where the method does not look at them.
        real: The same.

    Returns:
        The translator, in eval mode.

    Raises:
        InputError: If a side that the method looks at has no image.
    """
    batches: dict[Side, Iterable[Tensor]] = {"synthetic": synthetic, "real": real}
    for side, statistics in translator.statistics().items():
        for images in batches[side]:
            statistics.add(images)
    translator.require_statistics()  # refuses an empty side now, not at the first image
    return translator.eval()


class _Unsaved(nn.Module):
    """One parameter that no loss reaches and no state dict holds: DDP refuses a module without any."""

    def __init__(self) -> None:
        super().__init__()
        self.parameter = nn.Parameter(torch.zeros(()))

    def _save_to_state_dict(self, *args: Any) -> None:
        pass

    def _load_from_state_dict(self, *args: Any) -> None:
        pass
