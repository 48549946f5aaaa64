"""MPIIGaze, normalized: eye patches of fifteen people, thousands in a file.

Source: Zhang et al., Appearance-based gaze estimation in the wild, CVPR 2015;
https://www.mpi-inf.mpg.de/departments/computer-vision-and-machine-learning/research/gaze-based-human-computer-interaction/appearance-based-gaze-estimation-in-the-wild
HDF5: https://github.com/hysts/pytorch_mpiigaze (``p00/image``, ``p00/gaze``) and https://github.com/swook/GazeML
(``train/p00/eye``, ``train/p00/gaze``); in both, gaze is pitch and yaw, and right eyes are already mirrored.
"""

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refine.data.layouts.base import Layout
from refine.data.layouts.eye_files import EyeGroup, Hdf5File, MatFile, open_eyes
from refine.data.listing import Listing
from refine.data.samples import Record
from refine.errors import InputError
from refine.labels import Annotation
from refine.labels.gaze import GAZE_SPACE, gaze_vector, pitch_yaw

DAY = re.compile(r"(?:.*/)?p\d{2}/day\d{2}\.mat")
PERSON = re.compile(r"(?:.*/)?p\d{2}")

_AGAIN = "download or convert the file again"

Place = tuple[Path, str]
"""A file and a group in it."""


class _Opened(NamedTuple):
    process: int
    path: Path
    file: MatFile | Hdf5File
    groups: dict[str, EyeGroup]


class MPIIGaze(Layout):
    """``Data/Normalized/p00/day01.mat`` with 36x60 gray images of left and right eyes, or HDF5 files made of them.

    The label is pitch and yaw in radians, of the line of sight in the normalized camera's axes: x right, y down, z away
    from the camera, so that eyes that look at it have a negative z. Right eyes stay as they are in the files. Where
    there are both, HDF5 files beside the ``.mat`` files are left out. Files are opened when an image is asked for,
    and every process keeps the last one open.

    Args:
        root: The dataset's folder, or one HDF5 file.

    Raises:
        InputError: If there is none of these files, or none can be read. Faults are those that cannot be read, and
            those that hold another number of images than of lines of sight, as far as that shows from outside.
    """

    name = "mpii-gaze"

    def __init__(self, root: Path) -> None:
        files = Listing(root, file=True)
        super().__init__(files.root)
        self.label_space = GAZE_SPACE
        self._open: _Opened | None = None
        self._gaze: dict[Place, NDArray[np.float64]] = {}
        self._shapes: dict[Place, tuple[int, ...]] = {}
        days = [key for key in files.by_suffix.get(".mat", ()) if DAY.fullmatch(key)]
        for key in days or _hdf5(files):
            path = self.root / key
            try:
                counts = open_eyes(path).counts()
                if not counts:
                    raise InputError(f"{path}: holds no images beside their gaze; remove it")
            except InputError as error:
                self.faults.append(str(error))
                continue
            for group, count in counts.items():
                if not days:  # HDF5 has its shapes outside
                    try:
                        self._images((path, group))
                    except InputError as error:
                        self.faults.append(str(error))
                members = (f"{group}/{number:05d}".removeprefix("/") for number in range(count))
                self._records += [Record(f"{key}/{member}", path, (path,), member) for member in members]
        if not self._records:
            self.require_whole()
            raise InputError(f"{root}: expected p00/day01.mat, … below it, or HDF5 files with images and gaze")
        self._records.sort(key=lambda record: record.key)

    @classmethod
    def recognize(cls, files: Listing) -> str | None:
        """Files called ``p00/day01.mat``, or an HDF5 file with a group for each person."""
        day = next((key for key in files.by_suffix.get(".mat", ()) if DAY.fullmatch(key)), None)
        if day is not None:
            return f"{day} is named like a day of one person"
        for key in _hdf5(files)[:3]:
            try:
                counts = open_eyes(files.root / key).counts()
            except InputError:
                continue
            group = next((group for group in counts if PERSON.fullmatch(group or key.rpartition(".")[0])), None)
            if group is not None:
                return f"{key} holds images and gaze" + (f" of {group}" if group else "")
        return None

    def annotation(self, record: Record) -> Annotation:
        """``targets`` and ``gaze``.

        Raises:
            InputError: If the file is damaged, or the line of sight points nowhere.
        """
        place, number = _place(record)
        if place not in self._gaze:
            self._images(place)
        stored = self._gaze[place]
        if number >= len(stored):
            raise InputError(f"{record.image}: has no line of sight {record.member}; {_AGAIN}")
        values = torch.from_numpy(stored[number])
        if not values.isfinite().all() or (len(values) == 3 and not values.any()):
            raise InputError(f"{record.image}: the gaze of {record.member} is {values.tolist()}; {_AGAIN}")
        targets = values if len(values) == 2 else pitch_yaw(values)
        return Annotation(targets=targets.float(), gaze=gaze_vector(targets).float())

    def image(self, record: Record, channels: int) -> Tensor:
        """``(channels, H, W)`` uint8, gray or RGB.

        Raises:
            InputError: If the file is damaged, or holds colors where gray is asked for.
        """
        place, number = _place(record)
        images = self._images(place)
        if number >= len(images):
            raise InputError(f"{record.image}: has no image {record.member}; {_AGAIN}")
        try:
            pixels = np.array(images[number])  # a copy: torch wants writable memory
        except Exception as error:  # a damaged chunk raises whatever the library stumbled over
            raise InputError(f"{record.image}: {record.member} cannot be read ({error}); {_AGAIN}") from error
        levels = torch.from_numpy(pixels.reshape(*pixels.shape[:2], -1)).permute(2, 0, 1)
        if len(levels) > channels:
            raise InputError(f"{record.image}: {record.member} is in color, not gray; give --data.channels 3")
        return levels.expand(channels, -1, -1).contiguous()

    def size(self, record: Record) -> tuple[int, int]:
        """Height and width."""
        height, width = self._shape(record)[1:3]
        return height, width

    def in_color(self, record: Record) -> bool:
        """Whether the file's images have three channels."""
        return self._shape(record)[3:] == (3,)

    def _shape(self, record: Record) -> tuple[int, ...]:
        place, _ = _place(record)
        if place not in self._shapes:
            self._images(place)
        return self._shapes[place]

    def _images(self, place: Place) -> Any:
        """Of one group; remembers its lines of sight and its shape on the way."""
        path, name = place
        kept = self._open
        if kept is None or kept.process != os.getpid() or kept.path != path:  # a fork must not share an open file
            kept = self._open = _Opened(os.getpid(), path, open_eyes(path), {})
        group = kept.groups.get(name)
        if group is None:
            group = kept.groups[name] = kept.file.group(name)
            self._gaze[place], self._shapes[place] = group.gaze, tuple(group.images.shape)
        return group.images

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": None}  # open files cannot travel


def _hdf5(files: Listing) -> list[str]:
    return sorted(files.by_suffix.get(".h5", []) + files.by_suffix.get(".hdf5", []))


def _place(record: Record) -> tuple[Place, int]:
    group, _, number = record.member.rpartition("/")
    return (record.image, group), int(number)
