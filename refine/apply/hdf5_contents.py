"""All that an HDF5 container holds, as digests: what a new one must have in common with the old."""

import hashlib
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from refine.data.formats.hdf5 import require_plausible

PIECE = 1 << 24
"""Bytes of a dataset that is not chunked that are read at a time."""


def digests(file: Any, replaced: frozenset[str]) -> dict[str, str]:
    """A digest of each group, dataset and attribute, by its path. All values are read to their end.

    Values that lie in other files are not followed: how the container refers to them is part of the digest.

    Args:
        file: An open `h5py.File`.
        replaced: Datasets at the top whose values are left out; their type, shape and attributes are not.

    Raises:
        InputError: If a dataset claims more values than it can have. Damage raises whatever HDF5 stumbles over.
    """
    import h5py

    found: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = [("", file["/"])]
    seen: set[Any] = set()
    while waiting:
        path, item = waiting.pop()
        digest = hashlib.sha256()
        for part in _described(item, whole=path not in replaced):
            digest.update(part)
        for name in sorted(item.attrs.keys()):
            digest.update(repr(name).encode("utf-8", "surrogateescape"))
            digest.update(_bytes(item.attrs[name]))
        if isinstance(item, h5py.Group):
            for name in sorted(item.keys()):
                link = item.get(name, getlink=True)
                digest.update(repr((name, type(link).__name__, vars(link))).encode("utf-8", "surrogateescape"))
                child = f"{path}/{name}".removeprefix("/")
                if isinstance(link, h5py.HardLink):
                    place = h5py.h5o.get_info(item[name].id)
                    if (place.fileno, place.addr) not in seen:  # a group may hold itself
                        seen.add((place.fileno, place.addr))
                        waiting.append((child, item[name]))
        found[path] = digest.hexdigest()
    return found


def _described(item: Any, whole: bool) -> Iterator[bytes]:
    import h5py

    if not isinstance(item, h5py.Dataset):
        yield type(item).__name__.encode()
        return
    about = item.dtype, item.shape, item.maxshape, item.chunks, item.compression, item.compression_opts
    yield repr(about).encode()
    if item.is_virtual or item.external:
        sources = item.virtual_sources() if item.is_virtual else ()
        yield repr((item.external, [(each.file_name, each.dset_name) for each in sources])).encode()
    elif whole and item.shape is not None:
        require_plausible(item)
        for place in _pieces(item):
            yield _bytes(item[place])


def _pieces(dataset: Any) -> Iterator[Any]:
    """Places that cover a dataset, each of a chunk or of a few rows."""
    shape = tuple(map(int, dataset.shape))
    if dataset.chunks:
        yield from dataset.iter_chunks()
    elif not shape or 0 in shape:
        yield ()
    else:
        rows = max(1, PIECE // max(1, prod(shape[1:]) * dataset.dtype.itemsize))
        for start in range(0, shape[0], rows):
            yield slice(start, start + rows)


def _bytes(value: Any) -> bytes:
    """Of any value that h5py returns."""
    array = np.asarray(value)
    if array.dtype.kind != "O":
        return repr((array.dtype, array.shape)).encode() + array.tobytes()
    parts = [part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode() for part in array.ravel()]
    return repr(array.shape).encode() + b"\0".join(parts)
