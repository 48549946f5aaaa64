"""Frames of video files: the real side, as a camera wrote it.

Frames are numbered in the order in which they are shown, and read exactly wherever one begins.

Source: https://pyav.basswood-io.com, FFmpeg's demuxers and `av_seek_frame`, which goes to a keyframe and not to a
frame.
"""

import errno
import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refine.data.layouts.base import Unlabeled
from refine.data.listing import Listing, suffix
from refine.data.samples import Record
from refine.errors import InputError
from refine.files import require_file

FORMATS = {".mp4": "mp4", ".mov": "mov", ".avi": "avi", ".mkv": "matroska", ".webm": "matroska"}
"""By suffix. Never guessed from the content: a playlist in a video's clothes would open other files and addresses."""

ONE_FRAME_A_PACKET = frozenset({"h264", "hevc", "vp9", "av1", "mjpeg", "ffv1", "prores"})
"""Of these, packets with their times tell all frames without decoding one."""

OPEN_FILES = 4
"""Files that stay open at their place."""

_inherited: list[object] = []
"""What a forked process must never free: FFmpeg would wait for threads that stayed behind."""


class Video(Unlabeled):
    """Every frame, or every n-th, of video files (.mp4, .mov, .avi, .mkv, .webm), without labels.

    A record's key is the file and the frame's number, such as ``clip.mp4/000123``. Frames are as stored: a phone's note
    that they are to be turned is not followed. Files are read through once to number the frames. Needs PyAV:
    ``pip install 'sim2real-refine[video]'``.

    Args:
        root: A video file, or a folder with some at any depth.
        every: Take each n-th frame from ``start`` on: neighbors are nearly the same image.
        start: The first frame of each file, counted from 0.
        stop: The frame of each file before which to stop; None takes all.

    Raises:
        InputError: If PyAV is missing, ``every`` or ``start`` is out of range, or there is no frame. Faults are files
            that cannot be read or have no frame in the range.
    """

    name = "video"

    def __init__(self, root: Path, every: int = 1, start: int = 0, stop: int | None = None) -> None:
        require_av()
        if every < 1 or start < 0:
            raise InputError(f"{root}: every={every} and start={start}; expected 1 or more, and 0 or more")
        files = Listing(root, file=True)
        super().__init__(files.root)
        self._videos: dict[Path, VideoIndex] = {}
        self._readers = VideoReaders()
        for key in _videos(files):
            path = self.root / key
            try:
                self._videos[path] = index_video(path)
            except InputError as error:
                self.faults.append(str(error))
                continue
            count = self._videos[path].frames
            numbers = range(start, count if stop is None else min(stop, count), every)
            if not numbers:
                self.faults.append(f"{path}: {count} frames, none of them from {start} on to {stop}; choose others")
            self._records += [Record(f"{key}/{number:06d}", path, (), f"{number:06d}") for number in numbers]
        if not self._records:
            about = self.faults[0] if self.faults else f"no video file here or below (looked for {' '.join(FORMATS)})"
            raise InputError(f"{root}: no frame ({about})")
        self._records.sort(key=lambda record: record.key)

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """Video files, and neither images nor files of many images beside them: those would be a film of a dataset."""
        found = _videos(files)
        if not found or files.images or files.by_suffix.keys() & {".hdf5", ".h5", ".mat", ".tar"}:
            return None
        return f"{len(found)} video files ({found[0]})"

    def image(self, record: Record, channels: int) -> Tensor:
        """``(channels, H, W)`` uint8, gray or RGB. In rising order it is quick; else from the keyframe before it.

        Raises:
            InputError: If it cannot be decoded, or gray was asked for and it has color.
        """
        if channels == 1 and self.in_color(record):
            raise InputError(f"{record.image}: expected gray frames, found color; give --data.channels 3")
        return self._readers.levels(record.image, self._videos[record.image], int(record.member), channels)

    def size(self, record: Record) -> tuple[int, int]:
        """Height and width, from the file's header."""
        index = self._videos[record.image]
        return index.height, index.width

    def in_color(self, record: Record) -> bool:
        """Whether the file's pixels have color."""
        return not self._videos[record.image].gray


def _videos(files: Listing) -> list[str]:
    return sorted(key for ending in FORMATS for key in files.by_suffix.get(ending, []))


class VideoIndex(NamedTuple):
    """What is known of a file before a frame is wanted."""

    height: int
    width: int
    gray: bool
    frames: int
    """Their number."""
    times: NDArray[np.int64] | None
    """Of each frame, rising, in the stream's own unit. None: they do not tell the frames apart."""
    keys: NDArray[np.int64]
    """Numbers of the frames from which decoding can begin, rising; empty where ``times`` is None."""


def require_av() -> Any:
    """PyAV.

    Raises:
        InputError: If it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise InputError("video files need PyAV: pip install 'sim2real-refine[video]'") from error
    return av


def open_video(path: Path) -> Any:
    """PyAV's container, set to decode in one thread."""
    av = require_av()
    require_file(path)
    container = av.open(f"file:{path}", format=FORMATS[suffix(path.name)])
    if not container.streams.video:
        container.close()
        raise ValueError("it has no video stream")
    container.streams.video[0].codec_context.thread_count = 1  # threads do not survive the fork of a loader's worker
    return container


def index_video(path: Path) -> VideoIndex:
    """Count a file's frames. Most formats are read through, but not decoded.

    Raises:
        InputError: If it cannot be read as a video.
    """
    try:
        with open_video(path) as container:
            stream = container.streams.video[0]
            codec = stream.codec_context
            packets = [
                (packet.pts, packet.is_keyframe)
                for packet in container.demux(stream)
                if packet.size and not packet.is_discard
            ]
            times = [time for time, _ in packets]
            timed = suffix(path.name) != ".avi" or all(key for _, key in packets)  # AVI's frames have no times
            if not timed or codec.name not in ONE_FRAME_A_PACKET or not _tell_apart(times):
                container.seek(0)
                times = [frame.pts for frame in container.decode(stream)]
            gray = str(codec.pix_fmt).startswith("gray")
            known = np.sort(np.array(times, dtype=np.int64)) if timed and _tell_apart(times) else None
            starts = [time for time, key in packets if key and time is not None]
            keys = np.empty(0, np.int64) if known is None else np.flatnonzero(np.isin(known, starts))
            return VideoIndex(codec.height, codec.width, gray, len(times), known, keys)
    except InputError:
        raise
    except Exception as error:  # FFmpeg's errors are of two dozen kinds
        raise InputError(f"{path}: cannot be read as a video ({short(error)}); replace or remove it") from error


def _tell_apart(times: list[int | None]) -> bool:
    return None not in times and len(set(times)) == len(times)


def short(error: Exception) -> str:
    """FFmpeg's reason, without its numbers. It refuses single allocations above 2 GiB by itself: no memory is short."""
    if getattr(error, "errno", None) == errno.ENOMEM:
        return "it says that a part of it is larger than 2 GiB"
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(reason).split())


class VideoReader:
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


class VideoReaders:
    """The few files that a process has open; a worker that was forked or got this pickled opens its own."""

    def __init__(self) -> None:
        self._process, self._lock = os.getpid(), Lock()
        self._open: OrderedDict[Path, VideoReader] = OrderedDict()

    def __reduce__(self) -> tuple[type["VideoReaders"], tuple[()]]:
        return VideoReaders, ()

    def levels(self, path: Path, index: VideoIndex, number: int, channels: int) -> Tensor:
        """``(channels, H, W)`` uint8 of one frame, gray or RGB.

        Raises:
            InputError: If it cannot be decoded, or is not of the file's size.
        """
        if self._process != os.getpid():
            _inherited.append(self._open)
            self._process, self._lock, self._open = os.getpid(), Lock(), OrderedDict()
        with self._lock:
            reader = self._open.pop(path, None) or VideoReader(path, index)
            self._open[path] = reader
            if len(self._open) > OPEN_FILES:
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
