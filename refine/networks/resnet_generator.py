"""CycleGAN's generator (arXiv 1703.10593, section 7.2; after Johnson et al. 2016), with CUT's anti-aliasing."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from refine.networks.antialias import Downsample, Upsample
from refine.networks.normalization import Norm, has_bias, normalization

DOWNSAMPLINGS = 2

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
    """c7s1-f, d2f, d4f, residual blocks, u2f, uf, c7s1-channels and tanh.

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
    """

    multiple = 2**DOWNSAMPLINGS
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
        for _ in range(DOWNSAMPLINGS):
            wider = 2 * width
            layers += [nn.Conv2d(width, wider, 3, stride=1 if antialias else 2, padding=1, bias=bias)]
            layers += [normalization(norm, wider), nn.ReLU()]
            layers += [Downsample(wider)] if antialias else []
            width = wider
        layers += [ResnetBlock(width, padding, norm, dropout) for _ in range(blocks)]
        for _ in range(DOWNSAMPLINGS):
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
        """What some layers make of images; nothing after the last of them is computed.

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
