"""Pictures in HDF5 containers: read for the network, and put back with everything around them as it was."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from refine.apply.hdf5_contents import digests
from refine.data.layouts.hdf5 import ColorImage, color_image, color_images, opened_hdf5, read_color
from refine.errors import InputError
from refine.files import open_file, why

Pixels = NDArray[np.uint8]


class Member(NamedTuple):
    """A picture in a container."""

    name: str
    """As in `Record.member`."""
    shape: tuple[int, int, int]
    """Height, width, 3: alpha is not refined."""


def images_in(path: Path) -> list[Member]:
    """The pictures of a container, by its header alone.

    Raises:
        InputError: If it cannot be read, or holds no picture.
    """
    with opened_hdf5(path) as file:
        return [Member(image.member, (*image.shape[:2], 3)) for image in color_images(file)]


def read_member(path: Path, member: str) -> Pixels:
    """One picture, ``(H, W, 3)``.

    Raises:
        InputError: If it cannot be read.
    """
    with opened_hdf5(path) as file:
        return read_color(file, color_image(file, member))[..., :3]


def rewrite(source: Path, temporary: Path, refined: Callable[[str, Pixels], Pixels]) -> None:
    """Copy a container with other pictures in it. The same input gives the same bytes.

    The copy is byte for byte that of the source; only the pictures' own datasets are written then, with their shape,
    type, chunks, compression and alpha. Every other dataset stays where it is: all of them and all attributes are read
    before and after, and compared, since what is written into a damaged file may land on other values.

    Args:
        source: The container; it is only read.
        temporary: The file to write; none may be there. It is synced, and gone if this fails.
        refined: From a member's name and its pixels ``(H, W, 3)`` to the new ones, of the same shape and type.

    Raises:
        InputError: If any of the container cannot be read, before or after, or the new pixels do not fit.
        OSError: If the copy cannot be written. What ``refined`` raises passes through.
    """
    with opened_hdf5(source) as file:
        old = [(image, read_color(file, image)) for image in color_images(file)]
        names = frozenset(image.dataset for image, _ in old)
        before = digests(file, names)
    wanted: list[tuple[ColorImage, Pixels]] = []
    for image, pixels in old:
        new = refined(image.member, pixels[..., :3])
        if new.shape != (*image.shape[:2], 3) or new.dtype != np.uint8:
            raise InputError(f"{source}: {image.member} cannot become {new.dtype} of shape {new.shape}")
        wanted.append((image, np.concatenate([new, pixels[..., 3:]], axis=2)))
    with open_file(source) as original, temporary.open("xb") as copy:
        try:
            shutil.copyfileobj(original, copy, 1 << 20)
            copy.flush()
            _replace(temporary, wanted)
            _require_kept(temporary, wanted, before, names)
            os.fsync(copy.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _replace(container: Path, wanted: list[tuple[ColorImage, Pixels]]) -> None:
    import h5py  # it is there: the container was read

    try:
        with h5py.File(container, "r+", locking=False) as file:
            for image, pixels in wanted:
                file[image.dataset][() if image.place is None else image.place] = pixels
    except Exception as error:  # damaged files raise whatever HDF5 stumbled over
        if isinstance(error, OSError) and error.errno is not None:  # the disk's fault and not the file's
            raise
        raise InputError(f"its pictures cannot be written back ({why(error)}); it is damaged: replace it") from error


def _require_kept(
    container: Path, wanted: list[tuple[ColorImage, Pixels]], before: dict[str, str], names: frozenset[str]
) -> None:
    with opened_hdf5(container) as file:
        after = digests(file, names)
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        changed += [image.member for image, pixels in wanted if not np.array_equal(read_color(file, image), pixels)]
    if changed:
        raise InputError(f"writing its pictures changed {changed[0] or 'the list of its datasets'}; replace the file")
