"""Scenes of two classes: a sky above a ground, whose border, textures and colors are given."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor


class Appearance:
    """Mean and standard deviation of each color in patches: a network without weights."""

    name, sha256, resize, input_range = "appearance", None, "none", "-1 to 1"

    def __call__(self, images: Tensor) -> Tensor:
        return torch.cat([images.mean(dim=(2, 3)), images.std(dim=(2, 3))], dim=1).float() * 2


def scenes(count: int, sky: float, seed: int, brightness: float = 0.0) -> tuple[Tensor, Tensor]:
    """``(count, 3, 48, 48)`` uint8 images and ``(count, 48, 48)`` uint8 maps.

    Args:
        count: How many.
        sky: Mean share of class 1, the upper part.
        seed: Of borders and noise.
        brightness: Added to all levels.
    """
    generator = torch.Generator().manual_seed(seed)
    borders = ((sky + 0.2 * (torch.rand(count, generator=generator) - 0.5)) * 48).round()
    maps = (torch.arange(48)[None, :, None] < borders[:, None, None]).expand(count, 48, 48).to(torch.uint8)
    colors = torch.tensor([[90.0, 60.0, 40.0], [120.0, 160.0, 220.0]])
    light = 12 * torch.randn(count, 1, 1, 1, generator=generator)
    noise = 15 * torch.randn(count, 3, 48, 48, generator=generator)
    images = colors[maps.long()].permute(0, 3, 1, 2) + light + noise + brightness
    return images.round().clamp(0, 255).to(torch.uint8), maps


def write_scenes(root: Path, images: Tensor, maps: Tensor | None, classes: tuple[str, ...] = ("ground", "sky")) -> Path:
    """As files: ``images/scene_000.png`` and so on, with ``masks/`` beside them, or without labels."""
    for number, image in enumerate(images):
        (root / "images").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(root / "images" / f"scene_{number:03d}.png")
        if maps is not None:
            (root / "masks").mkdir(exist_ok=True)
            Image.fromarray(maps[number].numpy()).save(root / "masks" / f"scene_{number:03d}.png")
    if maps is not None:
        (root / "classes.txt").write_text("\n".join(classes) + "\n")
    return root
