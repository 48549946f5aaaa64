"""What can be done without training a translator: the rows that a refined dataset has to beat."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from refine.data.images import to_float, to_levels
from refine.errors import InputError
from refine.methods.color_transfer import ColorTransfer
from refine.methods.fourier import FDA
from refine.methods.histogram_matching import HistogramMatching
from refine.methods.training_free import TrainingFree, fit_statistics

RANDOMIZATION = "randomization"
"""Training on synthetic images whose appearance is changed strongly, see `randomize_appearance`."""

TRANSLATED = ("color_transfer", "histogram_matching", "fda")
"""Synthetic images with statistics of the real ones."""

BASELINES = (*TRANSLATED, RANDOMIZATION)

DEFAULT = ("color_transfer",)

BETA = 0.05
"""Window of FDA: the middle one of the paper's three; with the smallest, images below 100 pixels keep all but the mean.
Source: arXiv 2004.05498, section 4.1."""

BATCH = 64


def choose_baselines(text: str) -> tuple[str, ...]:
    """Baselines by ``all``, ``none`` or their names with commas between, in the order of `BASELINES`.

    Raises:
        InputError: If one is unknown.
    """
    if text.strip() in {"all", "none"}:
        return BASELINES if text.strip() == "all" else ()
    named = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in named if name not in BASELINES]
    if unknown:
        raise InputError(f"--baselines {unknown[0]}: no such baseline; choose all, none, or {', '.join(BASELINES)}")
    return tuple(name for name in BASELINES if name in named)


def translate(
    name: str,
    images: Tensor,
    synthetic: Callable[[], Iterable[Tensor]],
    real: Callable[[], Iterable[Tensor]],
) -> Tensor:
    """Synthetic images as a baseline of `TRANSLATED` makes them.

    Args:
        name: Of the baseline.
        images: ``(N, C, H, W)`` uint8.
        synthetic: All images of the side, as batches ``(B, C, H, W)`` in [-1, 1].
        real: The same; their labels are not looked at.
    """
    channels, size = images.shape[1], (images.shape[2], images.shape[3])
    method: TrainingFree
    if name == "color_transfer":
        method = ColorTransfer(channels)
    elif name == "histogram_matching":
        method = HistogramMatching(channels)
    else:
        method = FDA(channels, BETA, size)
    fitted = fit_statistics(method, synthetic(), real())
    return torch.cat([to_levels(fitted.refine(to_float(part))) for part in torch.split(images, BATCH)])
