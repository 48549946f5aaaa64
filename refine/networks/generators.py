"""Generators: CycleGAN's residual network with CUT's anti-aliasing, pix2pix's U-Net, and either by name."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refine.errors import InputError
from refine.networks.layers import Downsample, Norm, Upsample, has_bias, normalization

RESNET_DOWNSAMPLINGS = 2

PaddingMode = Literal["reflect", "replicate", "zero"]


class ResnetBlock(nn.Module):
    """Two padded 3x3 convolutions with normalization beside the identity.

    Args:
        features: Channels in and out.
        padding: What stands around the image.
        norm: After each convolution.
        dropout: Drop half of the numbers between the convolutions.
    """

    def __init__(
        self, features: int, padding: PaddingMode = "reflect", norm: Norm = "instance", dropout: bool = False
    ) -> None:
        super().__init__()
        first, second = (_padded_convolution(features, padding, norm) for _ in range(2))
        between = [nn.ReLU(), nn.Dropout(0.5)] if dropout else [nn.ReLU()]
        self.layers = nn.Sequential(*first, *between, *second)

    def forward(self, features: Tensor) -> Tensor:
        """``(B, features, H, W)`` to the same."""
        changed: Tensor = features + self.layers(features)
        return changed


def _padded_convolution(features: int, padding: PaddingMode, norm: Norm) -> list[nn.Module]:
    around: list[nn.Module] = []
    if padding != "zero":
        around = [nn.ReflectionPad2d(1) if padding == "reflect" else nn.ReplicationPad2d(1)]
    inside = 1 if padding == "zero" else 0
    return [
        *around,
        nn.Conv2d(features, features, 3, padding=inside, bias=has_bias(norm)),
        normalization(norm, features),
    ]


class ResnetGenerator(nn.Module):
    """CycleGAN's: c7s1-f, d2f, d4f, residual blocks, u2f, uf, c7s1-channels and tanh.

    With 3 channels, 64 features and 9 blocks it has 11.378 M parameters and takes 99.1 GFLOP at 256x256.
    Sides must be multiples of 4 and at least 16: reflection and instance normalization need room at the
    coarsest scale. The numbers of its layers are those of the published files.

    Args:
        channels: 1 (gray) or 3 (RGB).
        features: Features of the first layer (64 in the paper).
        blocks: Residual blocks: 9 in the paper, 6 for images of 128 pixels.
        padding: Inside the residual blocks; the first and the last convolution always see a reflected border.
        norm: After each convolution but the last. Paper: instance.
        antialias: Convolve at full scale and blur where the scale changes, as CUT does (arXiv 2007.15651).
        dropout: In the residual blocks.

    Source:
        arXiv 1703.10593, section 7.2, after Johnson et al. 2016.
    """

    multiple = 2**RESNET_DOWNSAMPLINGS
    smallest_side = 16

    def __init__(
        self,
        channels: int = 3,
        features: int = 64,
        blocks: int = 9,
        padding: PaddingMode = "reflect",
        norm: Norm = "instance",
        antialias: bool = False,
        dropout: bool = False,
    ) -> None:
        super().__init__()
        bias = has_bias(norm)
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(channels, features, 7, bias=bias)]
        layers += [normalization(norm, features), nn.ReLU()]
        width = features
        for _ in range(RESNET_DOWNSAMPLINGS):
            wider = 2 * width
            layers += [nn.Conv2d(width, wider, 3, stride=1 if antialias else 2, padding=1, bias=bias)]
            layers += [normalization(norm, wider), nn.ReLU()]
            layers += [Downsample(wider)] if antialias else []
            width = wider
        layers += [ResnetBlock(width, padding, norm, dropout) for _ in range(blocks)]
        for _ in range(RESNET_DOWNSAMPLINGS):
            narrower = width // 2
            if antialias:
                layers += [Upsample(width), nn.Conv2d(width, narrower, 3, padding=1, bias=bias)]
            else:
                layers.append(nn.ConvTranspose2d(width, narrower, 3, stride=2, padding=1, output_padding=1, bias=bias))
            layers += [normalization(norm, narrower), nn.ReLU()]
            width = narrower
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7)]
        self.channels = channels
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to the same."""
        return torch.tanh(self.layers(images))

    def encode(self, images: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """Return the features of some layers; nothing after the last of them is computed.

        Args:
            images: ``(B, channels, H, W)`` in [-1, 1].
            layers: Numbers of layers, rising. CUT: 0, 4, 8, 12, 16 of the anti-aliased network; 0 is the padded image.

        Returns:
            One ``(B, C, h, w)`` for each.

        Raises:
            ValueError: If the numbers do not rise strictly: the answers would not stand in the order asked for.
        """
        if list(layers) != sorted(set(layers)):
            raise ValueError(f"layers must rise strictly, not {list(layers)}")
        found: list[Tensor] = []
        features = images
        for number, layer in enumerate(self.layers[: max(layers) + 1]):
            features = layer(features)
            if number in layers:
                found.append(features)
        return found

    def forward_with_features(self, images: Tensor, layers: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        """`forward` and `encode` of the same ``(B, channels, H, W)`` in one pass."""
        found = self.encode(images, layers)
        return torch.tanh(self.layers[max(layers) + 1 :](found[-1])), found

    @torch.no_grad()
    def encoded_channels(self, layers: Sequence[int]) -> list[int]:
        """Channels of `encode`'s answers."""
        side = self.smallest_side
        weight = next(self.parameters())
        blank = torch.zeros(1, self.channels, side, side, device=weight.device, dtype=weight.dtype)
        training = self.training
        self.eval()  # running statistics must not move
        channels = [features.shape[1] for features in self.encode(blank, layers)]
        self.train(training)
        return channels


LEAST_DOWNSAMPLINGS = 5
"""Fewest of a U-Net: the published nets widen four times and stay at eight times the first width from there on."""

MOST_DOWNSAMPLINGS = 12
"""Most of a U-Net, which then takes sides that are multiples of 4096."""


class UNetBlock(nn.Module):
    """One scale: down, what lies inside, up; its input stands beside its output, but for the outermost.

    Args:
        outside: Channels of its input (and of what it gives beside it).
        inside: Channels at the next coarser scale.
        inner: The next block; None at the coarsest scale.
        norm: After each convolution.
        dropout: Drop half of the output.
    """

    def __init__(self, outside: int, inside: int, inner: nn.Module | None, norm: Norm, dropout: bool = False) -> None:
        super().__init__()
        bias = has_bias(norm)
        down: list[nn.Module] = [nn.LeakyReLU(0.2), nn.Conv2d(outside, inside, 4, stride=2, padding=1, bias=bias)]
        if inner is not None:
            down += [normalization(norm, inside), inner]
        beside = inside if inner is None else 2 * inside
        up = nn.ConvTranspose2d(beside, outside, 4, stride=2, padding=1, bias=bias)
        dropped = [nn.Dropout(0.5)] if dropout else []
        self.layers = nn.Sequential(*down, nn.ReLU(), up, normalization(norm, outside), *dropped)

    def forward(self, features: Tensor) -> Tensor:
        """``(B, outside, H, W)`` to ``(B, 2 * outside, H, W)``."""
        # The published network activates in place, so that what stands beside is activated as well.
        activated = self.layers[0](features)
        return torch.cat([activated, self.layers[1:](activated)], dim=1)


class UNetGenerator(nn.Module):
    """Halvings down to a few pixels and back, with what was seen on the way down beside each scale on the way up.

    Its modules are nested and numbered as in the published files. With 3 channels, 64 features and 8 halvings it
    has 54.41 M parameters. Sides must be multiples of 2 to the power of ``downsamplings``.

    Args:
        channels: 1 (gray) or 3 (RGB).
        features: Features of the first layer (64 in the paper).
        downsamplings: Halvings: 8 for 256 pixels, 7 for 128.
        norm: Paper: batch.
        dropout: At the coarsest scales but the last. Paper: yes.

    Raises:
        ValueError: If there are fewer than 5 halvings.

    Source:
        pix2pix, arXiv 1611.07004, section 6.1.1.
    """

    def __init__(
        self,
        channels: int = 3,
        features: int = 64,
        downsamplings: int = 8,
        norm: Norm = "batch",
        dropout: bool = False,
    ) -> None:
        super().__init__()
        if downsamplings < LEAST_DOWNSAMPLINGS:
            raise ValueError(f"a U-Net has {LEAST_DOWNSAMPLINGS} or more downsamplings, not {downsamplings}")
        self.multiple = self.smallest_side = 2**downsamplings
        self.channels = channels
        widest = 8 * features
        block = UNetBlock(widest, widest, None, norm)
        for _ in range(downsamplings - LEAST_DOWNSAMPLINGS):
            block = UNetBlock(widest, widest, block, norm, dropout)
        for width in (4 * features, 2 * features, features):
            block = UNetBlock(width, 2 * width, block, norm)
        self.layers = _Outermost(channels, features, block, norm)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1] to the same."""
        refined: Tensor = self.layers(images)
        return refined


class _Outermost(nn.Module):
    """Image in, image out: no activation before, no normalization, nothing beside."""

    def __init__(self, channels: int, features: int, inner: nn.Module, norm: Norm) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, features, 4, stride=2, padding=1, bias=has_bias(norm)),
            inner,
            nn.ReLU(),
            nn.ConvTranspose2d(2 * features, channels, 4, stride=2, padding=1),
        )

    def forward(self, images: Tensor) -> Tensor:
        return F.tanh(self.layers(images))


Architecture = Literal["resnet", "unet"]


def build_generator(
    architecture: Architecture,
    channels: int,
    features: int,
    depth: int,
    padding: PaddingMode,
    norm: Norm,
    antialias: bool,
    dropout: bool,
) -> ResnetGenerator | UNetGenerator:
    """A generator; its `multiple` and `smallest_side` say which images it takes.

    Args:
        architecture: ``resnet`` or ``unet``.
        channels: 1 (gray) or 3 (RGB).
        features: Width of the first layer.
        depth: Residual blocks, or the U-Net's downsamplings.
        padding: Inside residual blocks; a U-Net has none.
        norm: After convolutions.
        antialias: Blur where the scale changes; residual networks only.
        dropout: Whether there is some.

    Raises:
        InputError: If the U-Net is too shallow or too deep, or is asked for what it does not have.
    """
    if architecture == "resnet":
        return ResnetGenerator(channels, features, depth, padding, norm, antialias, dropout)
    if antialias or padding != "reflect":
        raise InputError("architecture=unet has no choice of padding and no antialias; leave both as they are")
    if depth < LEAST_DOWNSAMPLINGS:
        raise InputError(
            f"architecture=unet takes {LEAST_DOWNSAMPLINGS} or more downsamplings (7 for 128 pixels), not {depth}"
        )
    if depth > MOST_DOWNSAMPLINGS:
        raise InputError(
            f"architecture=unet takes {MOST_DOWNSAMPLINGS} downsamplings or fewer (8 for 256 pixels), not {depth}"
        )
    return UNetGenerator(channels, features, depth, norm, dropout)
