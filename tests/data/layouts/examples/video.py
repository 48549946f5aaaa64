"""A tiny video whose frames tell their number by their color."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

LEVELS = 5
"""Levels of brightness from one frame's number to the next."""


def frame(number: int, size: tuple[int, int] = (48, 64)) -> NDArray[np.uint8]:
    """Gray of a level that grows with the number, over a diagonal pattern that no codec finds hard."""
    ramp = np.add.outer(np.arange(size[0]), np.arange(size[1])) % 16
    level = np.clip(20 + LEVELS * number + ramp // 8, 0, 255)
    return np.repeat(level[:, :, None], 3, axis=2).astype(np.uint8)


def number_of(image: Any) -> int:
    """The number of the frame that this image, ``(C, H, W)``, is."""
    return round((float(image.float().mean()) - 20.5) / LEVELS)


def make_clip(
    path: Path,
    frames: int = 12,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    steps: tuple[int, ...] = (1,),
) -> Path:
    """One file.

    Args:
        path: Its suffix says which container.
        frames: How many.
        codec: FFmpeg's name of an encoder.
        pixels: FFmpeg's name of a pixel format.
        options: The encoder's, such as ``g`` (frames between keyframes) and ``bf`` (B-frames).
        steps: Ticks from one frame to the next, over and over: more than one kind is a variable rate.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"g": "6", "bf": "2"} if options is None else options)
        stream.height, stream.width, stream.pix_fmt = 48, 64, pixels
        time = 0
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(frame(number), format="rgb24")
            picture.pts, picture.time_base = time, Fraction(1, 25)
            time += steps[number % len(steps)]
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def write_video(root: Path) -> Path:
    """Two frames of each of two clips."""
    make_clip(root / "clips" / "day.mp4", frames=2)
    make_clip(root / "night.avi", frames=2, codec="mjpeg", pixels="yuvj420p", options={})
    return root
