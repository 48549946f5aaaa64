"""Gray images for networks of color."""

from torch import Tensor


def with_channels(images: Tensor, channels: int) -> Tensor:
    """``(B, 1 or channels, H, W)`` to ``(B, channels, H, W)``: gray images as equal channels, without a copy.

    Raises:
        ValueError: If the images have more than one channel, and another number of them.
    """
    if images.shape[1] == 3 and channels == 1:
        raise ValueError("RGB images cannot go through a network that was trained on gray ones")
    if images.shape[1] not in {1, channels}:
        raise ValueError(f"images of {images.shape[1]} channels cannot go through a network of {channels}")
    return images.expand(-1, channels, -1, -1)
