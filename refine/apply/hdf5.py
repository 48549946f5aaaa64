"""Pictures in HDF5 containers: read for the network, and put back with everything around them as it was.

All else that a container holds is compared by digests, before and after.
"""

import hashlib
import itertools
import re
import shutil
from collections.abc import Iterator, Mapping
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refine.data.layouts.hdf5 import (
    MOST_UNEXPLAINED,
    ColorImage,
    color_images,
    opened_hdf5,
    read_color,
    require_plausible,
)
from refine.errors import InputError
from refine.files import open_file, why

PIECE = 1 << 24
"""Bytes of a dataset that are read at a time, where a single value or chunk has no more."""
MOST_UNPACKED, MOST_TIMES = 1 << 28, 64
"""Bytes that all of a container may unpack to, and how many times its own size more: a scene in 4K has 220 MB."""
MOST_CHUNKS = 1 << 17
"""Chunks of all datasets of a container; h5py's own choice for 1 GB is half of them."""
OBJECT = 1 << 10
"""Bytes that a value of variable length counts for as an object of Python, however short it is."""
HEAP = re.compile(rb"GCOL\x01...(.{8})", re.DOTALL)
"""A global heap collection, which holds values of variable length, and its size.
Source: HDF5 File Format Specification Version 3.0, III.E, Disk Format: Level 1E, Global Heap."""

Pixels = NDArray[np.uint8]


def read_pictures(path: Path) -> dict[str, Pixels]:
    """Read the pictures of a container, ``(H, W, 3)`` without alpha, by `Record.member`.

    Raises:
        InputError: If it cannot be read, or holds no picture.
    """
    with opened_hdf5(path) as file:
        return {image.member: read_color(file, image)[..., :3] for image in color_images(file)}


def rewrite(source: Path, new: Path, refined: Mapping[str, Pixels]) -> None:
    """Copy a container with other pictures in it. The same input gives the same bytes.

    The copy is byte for byte that of the source; only the pictures' own datasets are written then, with their shape,
    type, chunks, compression and alpha. Every other dataset stays where it is: all of them and all attributes are read
    before and after, and compared, since what is written into a damaged file may land on other values.

    Args:
        source: The container; it is only read.
        new: The file to write; none may be there. It is not synced, and gone if this fails.
        refined: The new pixels, of the same shape and type as in `read_pictures`.

    Raises:
        InputError: If any of the container cannot be read, before or after, or the new pixels do not fit.
        OSError: If the copy cannot be written.
    """
    with opened_hdf5(source) as file:
        old = [(image, read_color(file, image)) for image in color_images(file)]
        names = frozenset(image.dataset for image, _ in old)
        before = digests(file, names)
    wanted: list[tuple[ColorImage, Pixels]] = []
    for image, pixels in old:
        color = refined[image.member]
        if color.shape != (*image.shape[:2], 3) or color.dtype != np.uint8:
            raise InputError(f"{source}: {image.member} cannot become {color.dtype} of shape {color.shape}")
        wanted.append((image, np.concatenate([color, pixels[..., 3:]], axis=2)))
    with open_file(source) as original, new.open("xb") as copy:
        try:
            shutil.copyfileobj(original, copy, 1 << 20)
            copy.flush()
            _replace(new, wanted)
            _require_kept(new, wanted, before, names)
        except BaseException:
            new.unlink(missing_ok=True)
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


def digests(file: Any, replaced: frozenset[str]) -> dict[str, str]:
    """Return a digest of each group, dataset and attribute, by its path. All values are read to their end.

    Values that lie in other files are not followed: how the container refers to them is part of the digest.

    Args:
        file: An open `h5py.File`.
        replaced: Datasets at the top whose values are left out; their type, shape and attributes are not.

    Raises:
        InputError: If a dataset claims more values than it can have, all of it unpacks to more than a container of this
            size can, or a replaced dataset has a second name. Damage raises whatever HDF5 stumbles over.
    """
    import h5py

    found: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = [("", file["/"])]
    root = h5py.h5o.get_info(file.id)
    seen = {(root.fileno, root.addr): ""}  # a group may hold itself
    pointed: dict[str, tuple[int, int]] = {}
    values = _Values(Path(file.filename))
    while waiting:
        path, item = waiting.pop()
        digest = hashlib.sha256()
        for part in _described(item, values, whole=path not in replaced):
            digest.update(part)
        for name in sorted(item.attrs.keys()):
            digest.update(repr(name).encode("utf-8", "surrogateescape"))
            digest.update(values.of_attribute(item, name))
        if isinstance(item, h5py.Group):
            for name in sorted(item.keys()):
                link = item.get(name, getlink=True)
                digest.update(repr((name, type(link).__name__, vars(link))).encode("utf-8", "surrogateescape"))
                child = f"{path}/{name}".removeprefix("/")
                if isinstance(link, h5py.HardLink):
                    about = h5py.h5o.get_info(item[name].id)
                    first = seen.get((about.fileno, about.addr))
                    if first is None:
                        seen[about.fileno, about.addr] = child
                        waiting.append((child, item[name]))
                    elif first in replaced or child in replaced:
                        raise _two_names(file, first, child)
                elif isinstance(link, h5py.SoftLink) and (target := item.get(name)) is not None:
                    about = h5py.h5o.get_info(target.id)
                    pointed[child] = about.fileno, about.addr
        found[path] = digest.hexdigest()
    for child, place in pointed.items():
        if (first := seen.get(place)) in replaced or child in replaced:
            raise _two_names(file, str(first), child)
    return found


def _two_names(file: Any, first: str, second: str) -> InputError:
    return InputError(
        f"{file.filename}: {first} and {second} are one dataset under two names, so both would change; store a copy of "
        "it instead"
    )


def _described(item: Any, values: "_Values", whole: bool) -> Iterator[bytes]:
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
        yield from values.of_dataset(item)


class _Values:
    """Reads the values of a container piece by piece, and stops where they become more than it can hold.

    A value of variable length is a reference, and any number of them may lead to the same bytes.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, path.stat().st_size
        self.bytes = self.chunks = 0
        self.longest = _longest_collection(path)

    def of_dataset(self, dataset: Any) -> Iterator[bytes]:
        shape = tuple(map(int, dataset.shape))
        if dataset.chunks:
            self.chunks += prod(ceil(side / step) for side, step in zip(shape, dataset.chunks, strict=True))
            if self.chunks > MOST_CHUNKS:
                raise InputError(
                    f"{self.path}: {dataset.name.removeprefix('/')} is in chunks of {dataset.chunks}, which makes "
                    f"more than {MOST_CHUNKS} of them; store it in larger ones"
                )
        most = self._most_at_once(dataset, dataset.dtype, 1)
        for place in _pieces(shape, dataset.chunks, most):
            part = _bytes(dataset[place])
            objects = prod(side.stop - side.start for side in place) if dataset.dtype.hasobject else 0
            self.bytes += len(part) + OBJECT * objects
            if self.bytes > MOST_UNPACKED + MOST_TIMES * self.size:
                raise self._too_much(dataset)
            yield part

    def of_attribute(self, item: Any, name: str) -> bytes:
        about = item.attrs.get_id(name)
        self._most_at_once(item, about.dtype, prod(about.shape or ()))  # it can only be read as a whole
        return _bytes(item.attrs[name])

    def _most_at_once(self, item: Any, dtype: Any, count: int) -> int:
        most = self._most(dtype)
        if dtype.hasobject and most * count > MOST_UNEXPLAINED + 4 * self.size:
            raise self._too_much(item)
        return most

    def _too_much(self, item: Any) -> InputError:
        return InputError(
            f"{self.path}: {item.name.removeprefix('/') or 'the top'} unpacks to far more than a file of {self.size} "
            "bytes holds; replace or remove it"
        )

    def _most(self, dtype: Any) -> int:
        """Return the upper end of the bytes that one value takes."""
        import h5py

        if dtype.subdtype is not None:
            return int(prod(dtype.shape)) * self._most(dtype.base)
        if dtype.names is not None:
            return sum(self._most(dtype[name]) for name in dtype.names)
        part = h5py.check_vlen_dtype(dtype)
        inside = 1 if not isinstance(part, np.dtype) else ceil(self._most(part) / part.itemsize)
        return inside * self.longest + OBJECT if dtype.kind == "O" else int(dtype.itemsize)


def _longest_collection(path: Path) -> int:
    """Return the bytes of the largest collection of values of variable length: no such value is longer."""
    longest, rest = 0, b""
    with open_file(path) as file:
        while block := file.read(PIECE):
            block = rest + block
            longest = max([longest, *(int.from_bytes(size, "little") for size in HEAP.findall(block))])
            rest = block[-15:]  # one byte less than what is looked for
    return min(longest, path.stat().st_size)


def _pieces(shape: tuple[int, ...], chunks: tuple[int, ...] | None, value: int) -> Iterator[tuple[slice, ...]]:
    """Yield places that cover a dataset, each of whole chunks and, where they allow it, up to `PIECE` bytes."""
    steps = list(chunks or [1] * len(shape))
    for axis in reversed(range(len(shape))):
        steps[axis] = min(max(shape[axis], 1), steps[axis] * max(1, PIECE // (prod(steps) * value)))
    yield from itertools.product(
        *(
            [slice(start, min(start + step, side)) for start in range(0, side, step)]
            for side, step in zip(shape, steps, strict=True)
        )
    )


def _bytes(value: Any) -> bytes:
    """Return the bytes of any value that h5py returns, with its type and shape."""
    array = np.asarray(value)
    if array.dtype.kind != "O":
        return repr((array.dtype, array.shape)).encode() + array.tobytes()
    parts = [part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode() for part in array.ravel()]
    return repr(array.shape).encode() + b"\0".join(parts)
