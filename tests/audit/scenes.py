"""Generated pictures of rectangles and ellipses in strong colors, for tests of what is measured from pictures."""

import torch
from torch import Tensor


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scenes(count: int, height: int, width: int, things: int = 12, seed: int = 0) -> Tensor:
    """``(count, 3, height, width)`` in [-1, 1]."""
    generator = draws(seed)
    images = torch.zeros(count, 3, height, width)
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    for image in images:
        for number in range(things):
            color = torch.rand(3, generator=generator) * 2 - 1
            y, x = (int(torch.randint(side, (), generator=generator)) for side in (height, width))
            tall, wide = (int(torch.randint(6, 24, (), generator=generator)) for _ in range(2))
            down, across = (rows - y).abs() / tall * 2, (columns - x).abs() / wide * 2
            inside = torch.maximum(down, across) < 1 if number % 2 else down**2 + across**2 < 1
            image[:, inside] = color[:, None]
    return images


def shifted(images: Tensor, down: int, across: int, margin: int = 16) -> Tensor:
    """The middle of larger pictures, their content moved: nothing has to be made up at the border."""
    height, width = images.shape[-2:]
    return images[..., margin - down : height - margin - down, margin - across : width - margin - across]
