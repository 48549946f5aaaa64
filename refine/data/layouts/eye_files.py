"""Files that hold thousands of eye images with their lines of sight: MATLAB files and HDF5."""

import io
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from refine.data.layouts.hdf5 import require_plausible
from refine.data.listing import below
from refine.errors import InputError
from refine.files import open_file, require_file, why

MAX_PIXELS = 1 << 26
"""Bytes of one image, at most."""
LEAST_STORED = 32
"""Bytes of a file for each of its images: compressed, an eye of 36x60 and its gaze take 500 or more."""
MAX_CHUNK = 1 << 24
"""Bytes that are unpacked to read one image, where it has no more itself."""
MOST_UNPACKED, MOST_TIMES = 1 << 26, 32
"""Bytes that a MATLAB file may unpack to, and how many times its own size more: photographs shrink to a half."""
COMPRESSED, BLOCK = 15, 1 << 20


class EyeGroup(NamedTuple):
    """Images of one person or eye."""

    images: Any
    """``(N, H, W)`` or ``(N, H, W, 3)`` uint8: an array, or an HDF5 dataset that reads what is asked for."""
    gaze: NDArray[np.float64]
    """``(N, 3)`` vectors or ``(N, 2)`` pitch and yaw."""


def open_eyes(path: Path) -> "MatFile | Hdf5File":
    """A file, by its suffix.

    Raises:
        InputError: If it cannot be read. So do the methods of what is returned.
    """
    return MatFile(path) if path.suffix.lower() == ".mat" else Hdf5File(path)


class MatFile:
    """A day of MPIIGaze: ``data.left`` and ``data.right``, each with ``image``, ``gaze`` and ``pose``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def counts(self) -> dict[str, int]:
        """Images of each group, from the file's directory: there is a name for each pair of eyes."""
        from scipy.io import whosmat  # takes a while to import, and few need it

        with self._reading():
            with open_file(self.path) as file:
                shapes = {name: shape for name, shape, _ in whosmat(file)}
            if "filenames" not in shapes:
                raise InputError(f"{self.path}: has no variable 'filenames'; expected data and filenames")
            count = math.prod(shapes["filenames"])
        return _plausible({"left": count, "right": count}, self.path)

    def group(self, name: str) -> EyeGroup:
        """``left`` or ``right``."""
        with self._reading():  # structures may be of any other shape
            eye = self._data[name][0, 0]
            images, gaze = eye["image"][0, 0], eye["gaze"][0, 0]
        return _checked(images, gaze, f"{self.path}: {name}")

    @cached_property
    def _data(self) -> Any:
        from scipy.io import loadmat  # as above

        with open_file(self.path) as file:
            _require_bounded(file, self.path)
            return loadmat(file, variable_names=["data"])["data"]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except Exception as error:  # damaged files raise whatever the decoder stumbled over
            text = f"{self.path}: cannot be read as a file of MPIIGaze ({why(error)}); download it again"
            raise InputError(text) from error


class Hdf5File:
    """Groups that hold a dataset of images beside one of gaze. Links that leave the file are not followed."""

    IMAGES = ("image", "images", "eye")
    """What repackagings call the images."""

    def __init__(self, path: Path) -> None:
        try:
            import h5py
        except ImportError as error:
            raise InputError(f"{path}: reading HDF5 needs h5py: pip install 'sim2real-refine[hdf5]'") from error
        self.path = path
        self._datasets: dict[str, Any] = {}

        def keep(name: str | bytes, item: object) -> None:
            # Datasets can map bytes of other files into this one: those are not its own, and may be anything.
            own = (
                isinstance(item, h5py.Dataset) and item.shape is not None and not item.external and not item.is_virtual
            )
            if own and isinstance(name, str):  # h5py leaves names as bytes that are no UTF-8
                self._datasets[name] = item

        try:
            require_file(path)
            self._file = h5py.File(path, "r", locking=False)  # kept: its datasets end with it
            self._file.visititems(keep)  # follows no soft or external link
        except Exception as error:  # damaged files raise whatever the library stumbled over
            raise InputError(f"{path}: cannot be read as HDF5 ({why(error)}); download it again") from error

    def counts(self) -> dict[str, int]:
        """Images of each group, by its path inside the file, which is empty where it is the file itself."""
        found = {}
        for name, images in self._datasets.items():
            group, _, last = name.rpartition("/")
            if last in self.IMAGES and len(images.shape) >= 3 and below(group, "gaze") in self._datasets:
                found[group] = int(images.shape[0])
        return _plausible(found, self.path)

    def group(self, name: str) -> EyeGroup:
        """By its path inside the file."""
        found = (self._datasets.get(below(name, last)) for last in self.IMAGES)
        images = next((dataset for dataset in found if dataset is not None), None)
        gaze = self._datasets.get(below(name, "gaze"))
        if images is None or gaze is None:
            raise InputError(f"{self.path}: has no images with gaze in {name or 'it'}; it changed since it was listed")
        where = f"{self.path}: {name}".removesuffix(": ")
        require_plausible(gaze)
        if images.chunks and math.prod(images.chunks) > max(MAX_CHUNK, math.prod(images.shape[1:])):
            raise InputError(f"{where}: images in chunks of {images.chunks}; store them in chunks of one image")
        return _checked(images, gaze, where)


def _plausible(counts: dict[str, int], path: Path) -> dict[str, int]:
    """How many images each group has; not more than the file can hold."""
    images, size = sum(counts.values()), path.stat().st_size
    if images * LEAST_STORED > size:
        raise InputError(f"{path}: claims {images} images in {size} bytes; download it again")
    return counts


def _require_bounded(file: io.BufferedReader, path: Path) -> None:
    """Unpack a MATLAB file and keep nothing of it, since the reader would keep all of it, whatever its size.

    Source: MAT-File Format (MathWorks), Level 5: 128 bytes, then elements with a type (15: compressed) and a size.
    """
    size = path.stat().st_size
    left = MOST_UNPACKED + MOST_TIMES * size
    order: Literal["little", "big"] = "little" if file.read(128)[126:] == b"IM" else "big"
    while len(tag := file.read(8)) == 8:
        kind, length = (int.from_bytes(part, order) for part in (tag[:4], tag[4:]))
        end, unpacker = file.tell() + length, zlib.decompressobj()
        while kind == COMPRESSED and not unpacker.eof and (packed := file.read(min(BLOCK, end - file.tell()))):
            while packed and not unpacker.eof:
                left -= len(unpacker.decompress(packed, BLOCK))
                packed = unpacker.unconsumed_tail
                if left < 0:
                    raise InputError(f"{path}: its {size} bytes unpack to far more; download it again")
        file.seek(end)
    file.seek(0)


def _checked(images: Any, gaze: Any, where: str) -> EyeGroup:
    shape, dtype = tuple(images.shape), np.dtype(images.dtype)
    if not (len(shape) == 3 or (len(shape) == 4 and shape[3] in {1, 3})) or dtype != np.uint8:
        raise InputError(f"{where}: images of {shape} {dtype}; expected (N, height, width) of 8 bits")
    if not 0 < shape[1] * shape[2] <= MAX_PIXELS:
        raise InputError(f"{where}: images of {shape[1]}x{shape[2]}; expected 1 to {MAX_PIXELS} pixels")
    if len(gaze.shape) != 2 or gaze.shape[1] not in {2, 3} or np.dtype(gaze.dtype).kind not in "fiu":
        raise InputError(f"{where}: gaze of {tuple(gaze.shape)} {gaze.dtype}; expected (N, 3), or (N, 2) pitch and yaw")
    if len(gaze) != shape[0]:
        raise InputError(
            f"{where}: {shape[0]} images, but {len(gaze)} lines of sight; which belongs to which is lost, so download "
            "or convert the file again"
        )
    return EyeGroup(images, np.asarray(gaze[:], dtype=np.float64))
