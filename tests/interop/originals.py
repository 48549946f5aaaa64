"""The generators of pytorch-CycleGAN-and-pix2pix and CUT as their files know them: module names, indices and shapes.

Written from what their `models/networks.py` declares, to be independent of `refine.networks`.
"""

import itertools
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Norm = Literal["instance", "batch", "none"]
PADS = {"reflect": nn.ReflectionPad2d, "replicate": nn.ReplicationPad2d}


def norm_layer(norm: Norm, features: int) -> nn.Module:
    if norm == "batch":
        return nn.BatchNorm2d(features)
    return nn.InstanceNorm2d(features) if norm == "instance" else nn.Identity()


def binomial(row: list[float], channels: int) -> Tensor:
    line = torch.tensor(row)
    square = torch.outer(line, line) / line.sum() ** 2
    return square.repeat(channels, 1, 1, 1)


class Downsample(nn.Module):
    """CUT: a binomial blur of three taps at stride 2, reflected at the edge."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", binomial([1, 2, 1], channels))

    def forward(self, features: Tensor) -> Tensor:
        padded = F.pad(features, (1, 1, 1, 1), mode="reflect")
        return F.conv2d(padded, self.filt, stride=2, groups=features.shape[1])


class Upsample(nn.Module):
    """CUT: a transposed blur of four taps at stride 2, replicated at the edge."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", 4 * binomial([1, 3, 3, 1], channels))

    def forward(self, features: Tensor) -> Tensor:
        padded = F.pad(features, (1, 1, 1, 1), mode="replicate")
        twice = F.conv_transpose2d(padded, self.filt, stride=2, padding=2, groups=features.shape[1])
        return twice[:, :, 1:-1, 1:-1]


class Block(nn.Module):
    def __init__(self, features: int, padding: str, norm: Norm, dropout: bool) -> None:
        super().__init__()
        modules: list[nn.Module] = []
        for half in range(2):
            if padding in PADS:
                modules.append(PADS[padding](1))
            convolution = nn.Conv2d(features, features, 3, padding=int(padding == "zero"), bias=norm == "instance")
            modules += [convolution, norm_layer(norm, features)]
            if half == 0:
                modules += [nn.ReLU(), nn.Dropout(0.5)] if dropout else [nn.ReLU()]
        self.conv_block = nn.Sequential(*modules)

    def forward(self, features: Tensor) -> Tensor:
        return features + torch.as_tensor(self.conv_block(features))


class ResNet(nn.Module):
    def __init__(
        self,
        blocks: int = 6,
        features: int = 4,
        norm: Norm = "instance",
        dropout: bool = False,
        antialias: bool = False,
        padding: str = "reflect",
        channels: int = 3,
        outputs: int = 3,
        antialias_up: bool | None = None,
    ) -> None:
        super().__init__()
        bias, smooth_up = norm == "instance", antialias if antialias_up is None else antialias_up

        def normalized(convolution: nn.Module, width: int) -> list[nn.Module]:
            return [convolution, norm_layer(norm, width), nn.ReLU()]

        modules: list[nn.Module] = [nn.ReflectionPad2d(3)]
        modules += normalized(nn.Conv2d(channels, features, 7, bias=bias), features)
        for width in (features, 2 * features):
            stride = 1 if antialias else 2
            modules += normalized(nn.Conv2d(width, 2 * width, 3, stride, 1, bias=bias), 2 * width)
            modules += [Downsample(2 * width)] if antialias else []
        modules += [Block(4 * features, padding, norm, dropout) for _ in range(blocks)]
        for width in (4 * features, 2 * features):
            if smooth_up:
                up: nn.Module = nn.Conv2d(width, width // 2, 3, padding=1, bias=bias)
                modules.append(Upsample(width))
            else:
                up = nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1, bias=bias)
            modules += normalized(up, width // 2)
        modules += [nn.ReflectionPad2d(3), nn.Conv2d(features, outputs, 7), nn.Tanh()]
        self.model = nn.Sequential(*modules)

    def forward(self, images: Tensor) -> Tensor:
        return torch.as_tensor(self.model(images))


class Level(nn.Module):
    """One level of the U-Net, with all levels below it inside."""

    def __init__(
        self, outside: int, inside: int, below: "Level | None", norm: Norm, entering: int | None, dropout: bool
    ) -> None:
        super().__init__()
        bias, self.outermost = norm == "instance", entering is not None
        down = nn.Conv2d(entering or outside, inside, 4, 2, 1, bias=bias)
        up_bias = bias or self.outermost
        up = nn.ConvTranspose2d(inside if below is None else 2 * inside, outside, 4, 2, 1, bias=up_bias)
        modules: list[nn.Module] = [down] if self.outermost else [nn.LeakyReLU(0.2), down]
        if below is not None:
            modules += [below] if self.outermost else [norm_layer(norm, inside), below]
        modules += [nn.ReLU(), up, nn.Tanh() if self.outermost else norm_layer(norm, outside)]
        self.model = nn.Sequential(*modules, *([nn.Dropout(0.5)] if dropout else []))

    def forward(self, features: Tensor) -> Tensor:
        changed = torch.as_tensor(self.model(features))
        return changed if self.outermost else torch.cat([features, changed], 1)


class UNet(nn.Module):
    def __init__(
        self,
        downsamplings: int = 7,
        features: int = 2,
        norm: Norm = "batch",
        dropout: bool = False,
        channels: int = 3,
        outputs: int = 3,
    ) -> None:
        super().__init__()
        level = Level(8 * features, 8 * features, None, norm, None, False)
        for _ in range(downsamplings - 5):
            level = Level(8 * features, 8 * features, level, norm, None, dropout)
        for width in (4, 2, 1):
            level = Level(width * features, 2 * width * features, level, norm, None, False)
        self.model = Level(outputs, features, level, norm, channels, False)

    def forward(self, images: Tensor) -> Tensor:
        return torch.as_tensor(self.model(images))


class Discriminator(nn.Module):
    """The PatchGAN with three strided layers."""

    def __init__(self, features: int = 4) -> None:
        super().__init__()
        widths = (features, 2 * features, 4 * features, 8 * features)
        modules: list[nn.Module] = [nn.Conv2d(3, features, 4, 2, 1), nn.LeakyReLU(0.2)]
        for width, wider in itertools.pairwise(widths):
            modules += [nn.Conv2d(width, wider, 4, 2, 1), nn.InstanceNorm2d(wider), nn.LeakyReLU(0.2)]
        self.model = nn.Sequential(*modules, nn.Conv2d(widths[-1], 1, 4, 1, 1))


def trained(network: nn.Module, seed: int = 0) -> nn.Module:
    """Weights that matter: of a spread at which the output is far from flat, and running statistics of no default."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith("filt") or not tensor.is_floating_point():
            continue
        drawn = torch.randn(tensor.shape, generator=generator)
        if tensor.dim() > 1:
            tensor.copy_(drawn / (tensor[0].numel() ** 0.5))
        else:  # biases, and the scales and statistics of batch normalization
            tensor.copy_(0.5 + drawn.abs() if name.endswith(("running_var", "weight")) else 0.3 * drawn)
    return network.eval()
