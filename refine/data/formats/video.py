"""Which frames a video file has, through PyAV. They are numbered in the order in which they are shown.

Source: https://pyav.basswood-io.com and FFmpeg's demuxers.
"""

import errno
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from refine.data.listing import suffix
from refine.errors import InputError
from refine.files import require_file

FORMATS = {".mp4": "mp4", ".mov": "mov", ".avi": "avi", ".mkv": "matroska", ".webm": "matroska"}
"""By suffix. Never guessed from the content: a playlist in a video's clothes would open other files and addresses."""

ONE_FRAME_A_PACKET = frozenset({"h264", "hevc", "vp9", "av1", "mjpeg", "ffv1", "prores"})
"""Of these, packets with their times tell all frames without decoding one."""


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
