"""Frames of video files by their number, exact wherever one begins.

Source: https://pyav.basswood-io.com and FFmpeg's `av_seek_frame`, which goes to a keyframe and not to a frame.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from torch import Tensor

from refine.data.formats.video import VideoIndex, open_video, short
from refine.errors import InputError

OPEN = 4
"""Files that stay open at their place."""

_inherited: list[object] = []
"""What a forked process must never free: FFmpeg would wait for threads that stayed behind."""


class Reader:
    """One file, open at a place. Frames in rising order are decoded one after the other; others are sought.

    Args:
        path: The file.
        index: Its index.
    """

    def __init__(self, path: Path, index: VideoIndex) -> None:
        self.path, self.index = path, index
        self._container: Any = None
        self._last: tuple[int, Any] = (-1, None)

    def _restart(self, key: int = 0) -> None:
        if self._container is None or self.index.times is None:
            self.close()
            self._container = open_video(self.path)
        if self.index.times is not None:
            stream = self._container.streams.video[0]
            self._container.seek(int(self.index.times[key]), stream=stream, backward=True)
        self._frames: Iterator[Any] = self._container.decode(video=0)
        self._last = (-1, None)

    def frame(self, number: int) -> Any:
        """PyAV's frame.

        Raises:
            InputError: If it cannot be decoded.
        """
        try:
            return self._counted(number) if self.index.times is None else self._sought(number)
        except Exception as error:  # FFmpeg's errors are of two dozen kinds; the next frame is sought anew
            self.close()
            raise InputError(
                f"{self.path}: frame {number} cannot be decoded ({short(error)}); leave it out (stop, every), or "
                "replace the file"
            ) from error

    def _counted(self, number: int) -> Any:
        if self._container is None or number < self._last[0]:
            self._restart()
        while self._last[0] < number:
            self._last = self._last[0] + 1, next(self._frames)
        return self._last[1]

    def _sought(self, number: int) -> Any:
        keys = self.index.keys[self.index.keys <= number]
        start = int(keys[-1]) if len(keys) else 0
        if self._container is None or not start - 1 <= self._last[0] <= number:
            self._restart(start)
        found = self._forward(number)
        for key in reversed([0, *keys[:-1].tolist()]):  # some files are sought too far: from earlier keyframes, then
            if found is not None:
                return found
            self._restart(key)
            found = self._forward(number)
        if found is None:
            raise ValueError("it is not there, though the file's index has it")
        return found

    def _forward(self, number: int) -> Any:
        assert self.index.times is not None
        time = self.index.times[number]
        while self._last[1] is None or self._last[1].pts < time:
            frame = next(self._frames, None)
            if frame is None:
                return None
            self._last = int(np.searchsorted(self.index.times, frame.pts)), frame
        return self._last[1] if self._last[1].pts == time else None

    def close(self) -> None:
        """Close the file; the next frame opens it again."""
        container, self._container = self._container, None
        if container is not None:
            container.close()


class Readers:
    """The few files that a process has open; a worker that was forked or got this pickled opens its own."""

    def __init__(self) -> None:
        self._process, self._lock = os.getpid(), Lock()
        self._open: OrderedDict[Path, Reader] = OrderedDict()

    def _prepare(self) -> None:
        if self._process != os.getpid():
            _inherited.append(self._open)
            self._process, self._lock, self._open = os.getpid(), Lock(), OrderedDict()

    def __reduce__(self) -> tuple[type["Readers"], tuple[()]]:
        return Readers, ()

    def levels(self, path: Path, index: VideoIndex, number: int, channels: int) -> Tensor:
        """``(channels, H, W)`` uint8 of one frame, gray or RGB.

        Raises:
            InputError: If it cannot be decoded, or is not of the file's size.
        """
        self._prepare()
        with self._lock:
            reader = self._open.pop(path, None) or Reader(path, index)
            self._open[path] = reader
            if len(self._open) > OPEN:
                self._open.popitem(last=False)[1].close()
            frame = reader.frame(number)
            if (frame.height, frame.width) != (index.height, index.width):
                raise InputError(
                    f"{path}: frame {number} is {frame.height}x{frame.width}, but the first is "
                    f"{index.height}x{index.width} (height x width); cut the file where the size changes"
                )
            array = frame.to_ndarray(format="gray" if channels == 1 else "rgb24")
        array = np.array(array[:, :, None] if array.ndim == 2 else array)  # a copy: torch wants writable memory
        return torch.from_numpy(array).permute(2, 0, 1).contiguous()
