"""Fourier domain adaptation (Yang & Soatto, FDA, CVPR 2020, arXiv 2004.05498)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from refine.data.samples import TrainingData
from refine.errors import InputError
from refine.methods.training_free import Side, Statistics, TrainingFree

FLAT = 1e-5
"""A frequency with a smaller amplitude than this (of levels 0 to 1) has no phase to keep: it is rounding."""


class FDA(TrainingFree):
    """Gives the lowest spatial frequencies of synthetic images the real ones' amplitude, and keeps their phase.

    The paper draws a real image for each synthetic one. Here all of them get the *arithmetic mean* of the real
    images' amplitudes, so that a result depends on its image alone: of all fixed amplitudes it is the nearest to
    the real ones in the mean square, and at frequency zero it gives every image the real images' mean level. A
    mean of logarithms would be ruled by the few real images in which a frequency is next to absent.

    Frequencies are counted in cycles per image and amplitudes per pixel, both of which stay when an image is
    resized. So the window of the size that was fitted is used at every size, as far as the size holds it;
    the highest frequency of an even side, which has no phase of its own, is never touched.

    Args:
        channels: 1 (gray) or 3 (RGB); each channel on its own, as in the paper.
        beta: Half the side of the window of frequencies, as a share of the shorter side of the image. The window
            reaches from ``-b`` to ``b`` cycles in both directions, with ``b = floor(beta · side)``: where b is
            0, as for 28 px and the default, only the mean level is changed. At least 0, less than 0.5.
        size: Height and width of the real images that are counted. None takes those of the data.
        steps: Batches that are counted when it is fitted through `refine fit`.
        seed: Without effect: nothing here is random.

    Raises:
        InputError: If beta or the size is out of range.
    """

    channels: int = 3
    beta: float = 0.01
    size: tuple[int, int] | None = None
    steps: int = 100
    seed: int = 0

    def build(self) -> None:
        """Make empty sums, where the size of the images is known already."""
        super().build()
        if not 0.0 <= self.beta < 0.5:
            raise InputError(
                f"beta is {self.beta}; expected at least 0 and less than 0.5 (the paper: 0.01, 0.05, 0.09)"
            )
        if self.size is not None:
            self._begin(self.size)

    def _begin(self, size: tuple[int, int]) -> None:
        if min(size) < 1:
            raise InputError(f"size is {size[0]}x{size[1]}; expected a height and a width of at least 1")
        self.size = (size[0], size[1])
        self.real = LowAmplitudes(self.channels, self.size, window_reach(self.size, self.beta))

    def prepare(self, stage: str, data: TrainingData | None) -> None:
        """Take the size of the images over from the data, or hold the given one against it.

        Raises:
            InputError: If they differ.
        """
        if data is None:
            return
        height, width = data.training_size
        if self.size is None:
            self._begin((height, width))
        elif self.size != (height, width):
            raise InputError(
                f"FDA's size is {self.size[0]}x{self.size[1]}, and the data gives {height}x{width} (height x width); "
                "leave size out, or give --data.resize or --data.crop"
            )

    def statistics(self) -> Mapping[Side, "LowAmplitudes"]:
        """Return the sums of the real side: the synthetic one is not looked at.

        Raises:
            InputError: If the size is not known.
        """
        if self.size is None:
            raise InputError("FDA holds no statistics and does not know the size of its images; give size, or fit it")
        return {"real": self.real}

    def forward(self, images: Tensor) -> Tensor:
        """Synthetic to refined, ``(B, channels, H, W)`` in [-1, 1], any size; `refine` clips what goes beyond.

        Raises:
            InputError: If it was never fitted.
        """
        self.require_statistics()
        height, width = images.shape[-2:]
        reach = self.real.reach
        up, across = min(reach, (height - 1) // 2), min(reach, (width - 1) // 2)
        wanted = self.real.mean()[:, reach - up : reach + up + 1, : across + 1].float()
        spectrum = amplitudes_per_pixel(images)
        rows = _rows(up, height, images.device)
        low = spectrum[:, :, rows, : across + 1]
        found = low.abs()
        low = low * torch.where(found > FLAT, wanted / found.clamp_min(FLAT), 1.0)
        low[:, :, up, 0] = wanted[:, up, 0].to(low.dtype)  # the mean level: it has no phase, even of black images
        spectrum[:, :, rows, : across + 1] = low
        levels: Tensor = torch.fft.irfft2(spectrum, s=(height, width), norm="forward")
        return (levels * 2.0 - 1.0).to(images.dtype)


class LowAmplitudes(Statistics):
    """Sums of the real images' amplitudes in the window; `count` is the number of images.

    Args:
        channels: 1 or 3.
        size: Height and width of the images.
        reach: Highest frequency of the window, in cycles per image.
    """

    amplitude: Tensor
    """``(channels, 2 · reach + 1, reach + 1)`` float64: frequencies -reach … reach down, 0 … reach across."""

    def __init__(self, channels: int, size: tuple[int, int], reach: int) -> None:
        super().__init__(channels)
        self.size, self.reach = size, reach
        self.register_buffer("amplitude", torch.zeros(channels, 2 * reach + 1, reach + 1, dtype=torch.float64))

    def of(self, images: Tensor) -> Mapping[str, Tensor]:
        """Images, and the sum of their amplitudes per pixel.

        Raises:
            InputError: If the images are of another size: the window would be another.
        """
        height, width = images.shape[-2:]
        if (height, width) != self.size:
            raise InputError(
                f"FDA counts images of {self.size[0]}x{self.size[1]}, found {height}x{width}; give --data.resize"
            )
        rows = _rows(self.reach, height, images.device)
        low = amplitudes_per_pixel(images)[:, :, rows, : self.reach + 1].abs()
        return {"count": self.count.new_full((), len(images)), "amplitude": low.double().sum(0)}

    def mean(self) -> Tensor:
        """The mean amplitude per pixel, in the shape of `amplitude`, of levels 0 to 1."""
        return self.amplitude / self.count


def window_reach(size: tuple[int, int], beta: float) -> int:
    """Highest frequency of the window in cycles per image, below that of an even side's alternating pixels.

    Source:
        The authors' code takes the shorter side for both directions; the paper writes each side's own.
    """
    side = min(size)
    return min(int(beta * side), (side - 1) // 2)


def amplitudes_per_pixel(images: Tensor) -> Tensor:
    """Complex spectrum ``(B, C, H, W // 2 + 1)`` of the levels 0 to 1, over the number of pixels.

    Not of [-1, 1]: there the mean of a dark image is negative, and keeping its sign would make it brighter or
    darker by chance.
    """
    spectrum: Tensor = torch.fft.rfft2((images.float() + 1.0) / 2.0, norm="forward")
    return spectrum


def _rows(reach: int, height: int, device: torch.device) -> Tensor:
    return torch.arange(-reach, reach + 1, device=device) % height
