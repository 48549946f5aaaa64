"""CycleGAN's cycle-consistency and identity losses: the mean absolute difference of what should be equal."""

from torch import Tensor, nn


def reconstruction(output: Tensor, expected: Tensor) -> Tensor:
    """Mean absolute difference.

    Args:
        output: ``(B, C, H, W)``: an image after both generators (cycle), or a real image after the generator
            that makes real ones (identity).
        expected: What it should be, the same shape.

    Returns:
        ``()``, in the units of the images.

    Raises:
        ValueError: If the shapes differ: broadcasting would silently compare every image with every other.

    Source:
        CycleGAN, arXiv 1703.10593, section 3.2 (cycle) and section 5.2 (identity).
    """
    if output.shape != expected.shape:
        raise ValueError(f"output {tuple(output.shape)} and expected {tuple(expected.shape)} must match")
    return (output - expected).abs().mean()


class Reconstruction(nn.Module):
    """`reconstruction` as a module."""

    def forward(self, output: Tensor, expected: Tensor) -> Tensor:
        """``(B, C, H, W)`` twice to ``()``."""
        return reconstruction(output, expected)
