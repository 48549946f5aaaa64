"""Files that hold thousands of eye images with their lines of sight: MATLAB files and HDF5."""

import math
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from refine.errors import InputError
from refine.files import open_file, require_file, why

MAX_PIXELS, MAX_IMAGES = 1 << 26, 1 << 22
"""Of one image, and in one group; a file that claims more is not opened further."""


class Group(NamedTuple):
    """Images of one person or eye."""

    images: Any
    """``(N, H, W)`` or ``(N, H, W, 3)`` uint8: an array, or an HDF5 dataset that reads what is asked for."""
    gaze: NDArray[np.float64]
    """``(N, 3)`` vectors or ``(N, 2)`` pitch and yaw."""


class EyeFile(Protocol):
    """One file."""

    def counts(self) -> dict[str, int]:
        """How many images each group has, without reading them."""

    def group(self, name: str) -> Group:
        """One group."""


def open_eyes(path: Path) -> EyeFile:
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
        """From the file's directory: there is a name for each pair of eyes."""
        from scipy.io import whosmat  # takes a while to import, and few need it

        try:
            with open_file(self.path) as file:
                shapes = {name: shape for name, shape, _ in whosmat(file)}
            count = math.prod(shapes["filenames"])
        except KeyError as error:
            raise InputError(f"{self.path}: has no variable {error}; expected data and filenames") from error
        except Exception as error:  # damaged files raise whatever the decoder stumbled over
            raise self._unreadable(error) from error
        return {"left": _few(count, self.path), "right": count}

    def group(self, name: str) -> Group:
        """``left`` or ``right``."""
        try:
            eye = self._data[name][0, 0]
            images, gaze = eye["image"][0, 0], eye["gaze"][0, 0]
        except InputError:
            raise
        except Exception as error:  # structures of any other shape
            raise self._unreadable(error) from error
        return _checked(images, gaze, f"{self.path}: {name}")

    @cached_property
    def _data(self) -> Any:
        from scipy.io import loadmat  # as above

        try:
            with open_file(self.path) as file:
                return loadmat(file, variable_names=["data"])["data"]
        except Exception as error:  # damaged files raise whatever the decoder stumbled over
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> InputError:
        return InputError(f"{self.path}: cannot be read as a file of MPIIGaze ({why(error)}); download it again")


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
            own = isinstance(item, h5py.Dataset) and not item.external and not item.is_virtual
            if own and isinstance(name, str):  # h5py leaves names as bytes that are no UTF-8
                self._datasets[name] = item

        try:
            require_file(path)
            self._file = h5py.File(path, "r", locking=False)  # kept: its datasets end with it
            self._file.visititems(keep)  # follows no soft or external link
        except Exception as error:  # damaged files raise whatever the library stumbled over
            raise InputError(f"{path}: cannot be read as HDF5 ({why(error)}); download it again") from error

    def counts(self) -> dict[str, int]:
        """By the group's path inside the file, whose name is empty where it is the file itself."""
        found = {}
        for name, images in self._datasets.items():
            group, _, last = name.rpartition("/")
            if last in self.IMAGES and len(images.shape) >= 3 and _beside(group, "gaze") in self._datasets:
                found[group] = _few(int(images.shape[0]), self.path)
        return found

    def group(self, name: str) -> Group:
        """By its path inside the file."""
        found = (self._datasets.get(_beside(name, last)) for last in self.IMAGES)
        images = next((dataset for dataset in found if dataset is not None), None)
        gaze = self._datasets.get(_beside(name, "gaze"))
        if images is None or gaze is None:
            raise InputError(f"{self.path}: has no images with gaze in {name or 'it'}; it changed since it was listed")
        return _checked(images, gaze, f"{self.path}: {name}".removesuffix(": "))


def _few(count: int, path: Path) -> int:
    if not 0 <= count <= MAX_IMAGES:
        raise InputError(f"{path}: claims {count} images; expected up to {MAX_IMAGES} a group: download it again")
    return count


def _beside(group: str, name: str) -> str:
    return f"{group}/{name}" if group else name


def _checked(images: Any, gaze: Any, where: str) -> Group:
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
    return Group(images, np.asarray(gaze[:], dtype=np.float64))
