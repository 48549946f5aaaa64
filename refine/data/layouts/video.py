"""Frames of video files: the real side, as a camera wrote it."""

from pathlib import Path

from torch import Tensor

from refine.data.annotation import Annotation
from refine.data.formats.video import FORMATS, VideoIndex, index_video, require_av
from refine.data.formats.video_reader import Readers
from refine.data.layouts.base import LabelSpace, Layout
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError


class Video(Layout):
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
        self.root, self.label_space, self.faults = files.root, LabelSpace("none"), []
        self._records: list[Record] = []
        self._videos: dict[Path, VideoIndex] = {}
        self._readers = Readers()
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

    def records(self) -> list[Record]:
        """All records, sorted by key."""
        return self._records

    def annotation(self, record: Record) -> Annotation:
        """Nothing: there is nothing to know."""
        return Annotation()

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
