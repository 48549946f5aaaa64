"""Arrays that other commands stored with `numpy.savez`: held against their file's size before they are read."""

import zipfile
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from refine.files import open_file
from refine.tensor_archive import directory_place
from refine.tensor_opcodes import Damaged

MOST_UNPACKED, MOST_TIMES = 1 << 26, 256
"""Bytes that an array may have, and how many times the file's size more: masks of one class nearly vanish."""
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npz(path: Path, names: tuple[str, ...]) -> list[NDArray[Any]]:
    """Return arrays of these names.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is damaged, has no such array, or claims far more than is in it.
    """
    size = path.stat().st_size
    try:
        with open_file(path) as file:
            directory_place(file, size)  # each entry takes ten times the memory of its bytes
            with zipfile.ZipFile(file) as archive:
                return [_read(archive, archive.getinfo(f"{name}.npy"), size) for name in names]
    except OSError:
        raise
    except Exception as error:  # whatever zipfile and numpy raise on a file that was made or broken on purpose
        raise ValueError(f"{path.name}: {error}") from error


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, size: int) -> NDArray[Any]:
    if member.file_size > MOST_UNPACKED + MOST_TIMES * size:
        raise Damaged(f"{member.filename} unpacks to {member.file_size} bytes, far more than its file has")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise Damaged(f"{member.filename} is compressed as numpy never does")
    with archive.open(member) as stream:
        shape, in_columns, dtype = HEADERS[npy.read_magic(stream)](stream)
        if dtype.hasobject or prod(shape) * dtype.itemsize != member.file_size - stream.tell():
            raise Damaged(f"{member.filename} does not have the size of {shape} values of {dtype}")
        values = np.frombuffer(bytearray(stream.read()), dtype)  # torch wants memory that can be written to
    return values.reshape(shape, order="F" if in_columns else "C")
