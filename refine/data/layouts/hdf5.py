"""HDF5 files from strangers, and where BlenderProc's containers keep their pictures.

Source: BlenderProc's ``write_hdf5`` (github.com/DLR-RM/BlenderProc, blenderproc/python/writer/WriterUtility.py):
``colors`` is ``(H, W, 3)``, with a transparent background ``(H, W, 4)``, of a stereo camera ``(2, H, W, 3)`` or, with
``stereo_separate_keys``, two datasets ``colors_0`` and ``colors_1``.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from refine.errors import InputError
from refine.files import require_file, why

LARGEST = 1 << 30
"""Bytes of one dataset, unpacked: more than any picture has."""
MOST_COMPRESSED = 1100
"""Times that gzip makes anything smaller, at most."""
MOST_UNEXPLAINED = 1 << 26
"""Bytes that a dataset may have without: other compressions pack a map of zeros closer."""


class ColorImage(NamedTuple):
    """One picture in a container."""

    member: str
    """``colors``, ``colors/0`` and ``colors/1`` for two eyes in one dataset, ``colors_0`` and ``colors_1`` for two."""
    dataset: str
    eye: int | None
    """0 left, 1 right; None of a single camera."""
    place: int | None
    """Its place in a dataset that holds both eyes."""
    shape: tuple[int, int, int]
    """As stored: height, width, and 3 channels or, with alpha, 4."""


@contextmanager
def opened_hdf5(path: Path) -> Iterator[Any]:
    """An `h5py.File` for the time of the block, so that no handle reaches another process.

    Raises:
        InputError: If h5py is missing, the file is no HDF5 file, or the block stumbles over damage in it.
    """
    try:
        import h5py
    except ImportError as error:
        raise InputError(f"{path}: HDF5 files need h5py; pip install 'sim2real-refine[hdf5]'") from error
    try:
        require_file(path)
        with h5py.File(path, "r", locking=False) as file:  # locks fail on some network disks and read-only ones
            yield file
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except PermissionError as error:  # HDF5's own words would name the file again
        raise InputError(f"{path}: may not be read; change its permissions") from error
    except Exception as error:  # damaged files raise whatever HDF5 stumbled over
        raise InputError(f"{path}: cannot be read as an HDF5 file ({why(error)}); replace or remove it") from error


def stored(file: Any, name: str) -> Any:
    """A dataset of an open file, whose values lie in that file.

    Raises:
        InputError: If there is none of this name, or it leads to another file or dataset.
    """
    import h5py

    if name not in file.keys():  # noqa: SIM118  # `in file` would follow the link
        raise InputError(f"{file.filename}: holds no dataset {name}, only {', '.join(file.keys()) or 'nothing'}")
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise InputError(f"{file.filename}: {name} is a link; only what lies in the file itself is read")
    found = file[name]
    if not isinstance(found, h5py.Dataset):
        raise InputError(f"{file.filename}: {name} is no dataset")
    if found.is_virtual or found.external:
        raise InputError(f"{file.filename}: the values of {name} lie in other files; store them in this one")
    if found.dtype.hasobject and found.shape != ():  # each value may refer to the same bytes
        raise InputError(f"{file.filename}: {name} holds {found.shape} values of variable length; expected numbers")
    require_plausible(found)
    return found


def require_plausible(dataset: Any) -> None:
    """Hold the size that a dataset claims against what is stored of it.

    Raises:
        InputError: If its values would take more than `LARGEST`, or more than compression can explain.
    """
    where = f"{dataset.file.filename}: {dataset.name.removeprefix('/')}"
    chunk = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
    size, stored_size = max(dataset.nbytes or 0, chunk), dataset.id.get_storage_size()
    if size > LARGEST:
        raise InputError(f"{where} has {size} bytes; nothing above {LARGEST} is read")
    if size > MOST_UNEXPLAINED + MOST_COMPRESSED * stored_size:
        raise InputError(f"{where} claims {size} bytes, but {stored_size} are stored: replace the file")


def color_images(file: Any) -> list[ColorImage]:
    """The pictures of an open container, in the order of their members' names.

    Raises:
        InputError: If it has none, or they are not as BlenderProc writes them.
    """
    names = [name for name in ("colors", "colors_0", "colors_1") if name in file.keys()]  # noqa: SIM118  # as above
    if not names:
        raise InputError(
            f"{file.filename}: no dataset colors, only {', '.join(file.keys()) or 'nothing'}; "
            "render it with write_hdf5(..., {'colors': ...}), or remove the file"
        )
    images: list[ColorImage] = []
    for name in names:
        dataset = stored(file, name)
        shape, both = tuple(map(int, dataset.shape)), dataset.ndim == 4 and dataset.shape[0] == 2
        picture = shape[1:] if both else shape
        if dataset.dtype != np.uint8 or len(picture) != 3 or picture[2] not in {3, 4} or 0 in picture:
            raise InputError(
                f"{file.filename}: {name} is {dataset.dtype} of shape {shape}; expected uint8 (H, W, 3 or 4), "
                "or (2, H, W, 3 or 4) of a stereo camera"
            )
        height, width, channels = picture
        if both:
            found = [ColorImage(f"{name}/{eye}", name, eye, eye, (height, width, channels)) for eye in (0, 1)]
        else:
            eye = int(name[-1]) if name[-1].isdigit() else None
            found = [ColorImage(name, name, eye, None, (height, width, channels))]
        images += found
    return images


def color_image(file: Any, member: str) -> ColorImage:
    """The picture of this name.

    Raises:
        InputError: As `color_images`, or if there is none.
    """
    images = color_images(file)
    found = next((image for image in images if image.member == member), None)
    if found is None:
        raise InputError(f"{file.filename}: no {member}, only {', '.join(image.member for image in images)}")
    return found


def read_color(file: Any, image: ColorImage) -> NDArray[np.uint8]:
    """``(H, W, 3 or 4)`` uint8, as stored."""
    pixels: NDArray[np.uint8] = file[image.dataset][() if image.place is None else image.place]
    return pixels
