"""The angle between two gaze directions, each given as pitch and yaw."""

import torch
from torch import Tensor

from refine.data.gaze import gaze_vector


def angular_error(predicted: Tensor, label: Tensor) -> Tensor:
    """The angle between predicted and true gaze.

    Args:
        predicted: ``(..., 2)`` pitch and yaw in radians.
        label: The same shape.

    Returns:
        ``(...)`` degrees, 0 to 180, the same under any convention that only renames or mirrors the axes.

    Raises:
        ValueError: If the shapes differ, or the last dimension is not 2.
    """
    if predicted.shape != label.shape or predicted.shape[-1] != 2:
        raise ValueError(f"predicted {tuple(predicted.shape)} and label {tuple(label.shape)} must both be (..., 2)")
    one, other = gaze_vector(predicted.double()), gaze_vector(label.double())
    # Not the arc cosine of the product: it loses half the digits of small angles.
    cross = torch.linalg.cross(one, other).norm(dim=-1)
    return torch.rad2deg(torch.atan2(cross, (one * other).sum(-1))).to(predicted.dtype)
