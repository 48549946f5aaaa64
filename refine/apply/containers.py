"""Containers of images, each with its new file and its lines of the manifest: tar shards, and BlenderProc's HDF5 files.

Shards come out with other pixels, and every other byte of every member as it was. A sample whose image cannot be
refined is left out whole: its labels would have no image.
"""

import errno
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple

import numpy as np

from refine.apply import hdf5
from refine.apply.codec import DecodedImage, mean_absolute_change, try_to_encode
from refine.apply.manifest import ManifestEntry, failed, regular_sha256
from refine.apply.network import BATCHES_AHEAD, PIXELS_PER_IMAGE, Network, PlannedBatch, Refined, batches
from refine.apply.plan import COMPRESSED, HDF5, PlannedImage
from refine.apply.writer import TEMPORARY, Finished, sync_file, temporary_name
from refine.data.images import ImageHeader, obstacle, read_header
from refine.data.layouts.tar import BLOCK, TarIndex, TarMember, content, index_tar, is_inside, window
from refine.data.layouts.webdataset import sample_of
from refine.data.listing import suffix
from refine.errors import InputError
from refine.files import open_file, why
from refine.workers import in_order

PIECE_BYTES = 1 << 20
CHANGED = "it changed while the run was going on"


class NotRefined(Exception):
    """A container that cannot be refined; the message is the reason, for the manifest."""


class Encoded(NamedTuple):
    """Place of a refined image of a shard in the spool."""

    offset: int
    size: int
    change: float
    """Mean absolute, as in the manifest."""


class ShardImages(NamedTuple):
    """Refined images of a shard and the reasons for the others, by `TarMember.start`."""

    refined: dict[int, Encoded]
    failures: dict[int, str]
    """Why a member is not written."""


class ContainerJob:
    """Refines containers, one after the other; ``advance`` is called with the number of images that are through."""

    def __init__(
        self, source: Path, output: Path, network: Network, pool: Executor, advance: Callable[[int], None]
    ) -> None:
        self.source, self.output = source, output
        self.network, self.pool, self.advance = network, pool, advance

    def __call__(self, key: str, members: frozenset[str]) -> Finished:
        """Refine these members of one container. What is wrong with it becomes a line of the manifest.

        Raises:
            OSError: If the new file cannot be written; nothing is left of it then.
        """
        source, final = self.source / key, self.output / key
        temporary = temporary_name(final)
        before, digest = _state(source), regular_sha256(source)
        try:
            if before is None or digest is None:
                raise NotRefined("cannot be read")
            if key.lower().endswith(COMPRESSED):
                raise NotRefined("a compressed shard: unpack it to .tar first")
            work = self._hdf5 if suffix(key) == HDF5 else self._shard
            changes, within = work(key, members, source, temporary)
            with temporary.open("rb+") as new:
                sync_file(new, source.stat().st_mode)
            if _state(source) != before:
                raise NotRefined(CHANGED)
            made = regular_sha256(temporary)
            if made is None:
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(temporary))
        except NotRefined as error:
            temporary.unlink(missing_ok=True)
            return Finished(failed(key, "container", str(error)), final)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        entry: ManifestEntry = {
            "key": key,
            "kind": "container",
            "status": "done",
            "input_sha256": digest,
            "output_sha256": made,
            "images": len(changes),
            "left_out": len(within),
            "mean_absolute_change": round(sum(changes) / len(changes), 4) if changes else 0.0,
        }
        return Finished(entry, final, temporary, within)

    def _hdf5(
        self, key: str, members: frozenset[str], source: Path, temporary: Path
    ) -> tuple[list[float], tuple[ManifestEntry, ...]]:
        if self.network.translator.channels == 1:
            raise NotRefined("color images, but the network is for gray ones")
        try:
            pictures = {
                name: DecodedImage(ImageHeader("HDF5", "RGB", pixels.shape[0], pixels.shape[1], 8, 1, None), pixels)
                for name, pixels in hdf5.read_pictures(source).items()
            }
            if gone := members - pictures.keys():
                raise NotRefined(f"holds no {min(gone)}, as the others do")
            images = [PlannedImage(name, picture.seen) for name, picture in pictures.items()]
            refined: dict[str, hdf5.Pixels] = {}
            changes: list[float] = []
            planned = batches(images, set(pictures), self.network.batch_size)
            for image, made in self._refined(planned, lambda image: pictures[image.key]):
                if isinstance(made, str):
                    raise NotRefined(f"{image.key}: {made}")
                refined[image.key] = made.color.astype(np.uint8)
                changes.append(mean_absolute_change(made.picture.color, made.color))
            hdf5.rewrite(source, temporary, refined)
        except InputError as error:
            reason = why(error).removeprefix(f"{source}: ").replace(str(source), key)  # the line names it already
            raise NotRefined(reason) from error
        return changes, ()

    def _shard(
        self, key: str, members: frozenset[str], source: Path, temporary: Path
    ) -> tuple[list[float], tuple[ManifestEntry, ...]]:
        index = index_tar(source)
        if index.flaw:
            raise NotRefined(index.flaw)
        with TemporaryFile(prefix=TEMPORARY, dir=temporary.parent) as spool:  # it has no name that could be left over
            images = self._shard_images(source, index, members, spool)
            with temporary.open("xb") as new:
                write_shard(source, index, images, spool, new)
        within = tuple(
            failed(_member_key(key, member), "image", f"{images.failures[member.start]}; its sample is left out")
            for member in index.members
            if member.start in images.failures
        )
        return [images.refined[start].change for start in sorted(images.refined)], within

    def _shard_images(self, shard: Path, index: TarIndex, names: frozenset[str], spool: BinaryIO) -> ShardImages:
        """Refine a shard's images, those of one size together within each window of it, into a file."""
        images = ShardImages({}, {member.start: member.flaw for member in index.members if member.flaw})
        files = (member for member in index.members if member.file and not member.flaw)
        members = {str(member.start): member for member in files if member.name in names}

        def planned() -> Iterator[PlannedImage]:
            looks = in_order(self.pool, lambda member: self._planned(shard, member), members.values())
            for member, image in zip(members.values(), looks, strict=True):
                if isinstance(image, PlannedImage):
                    yield image
                else:
                    images.failures[member.start] = image

        calls = (
            call
            for near in _windows(planned(), self.network.batch_size)
            for call in batches(near, {image.key for image in near}, self.network.batch_size)
        )
        results = self._refined(calls, lambda image: content(shard, members[image.key]))
        ahead = self.network.pixels_ahead
        for image, made in in_order(self.pool, _encoded, results, ahead, lambda result: result[0].weight):
            start = int(image.key)
            if isinstance(made, str):
                images.failures[start] = made
            else:
                data, change = made
                images.refined[start] = Encoded(spool.tell(), len(data), change)
                spool.write(data)
        return images

    def _planned(self, shard: Path, member: TarMember) -> PlannedImage | str:
        try:
            with window(shard, member) as file:
                seen = read_header(file)
        except Exception as error:  # Pillow raises a dozen kinds on damaged headers
            return why(error)
        reason = obstacle(seen, self.network.translator.channels, member.size)
        return reason or PlannedImage(str(member.start), seen, member.size)

    def _refined(
        self, planned: Iterable[PlannedBatch], content: Callable[[PlannedImage], bytes | DecodedImage]
    ) -> Iterator[tuple[PlannedImage, Refined | str]]:
        for result in self.network.refine_ahead(planned, content, self.pool, CHANGED):
            yield result
            self.advance(1)


def _windows(images: Iterable[PlannedImage], batch_size: int) -> Iterator[list[PlannedImage]]:
    """Cut images, as they come, into lists of few full batches."""
    most = BATCHES_AHEAD * batch_size
    window: list[PlannedImage] = []
    pixels = 0
    for image in images:
        if window and (len(window) >= most or pixels + image.weight > most * PIXELS_PER_IMAGE):
            yield window
            window, pixels = [], 0
        window.append(image)
        pixels += image.weight
    if window:
        yield window


def _encoded(result: tuple[PlannedImage, Refined | str]) -> tuple[PlannedImage, tuple[bytes, float] | str]:
    """Return the file of a refined image with its mean absolute change, or the reason why there is none."""
    image, made = result
    if isinstance(made, str):
        return image, made
    encoded = try_to_encode(made.picture, made.color)
    if isinstance(encoded, str):
        return image, encoded
    data, stored = encoded
    return image, (data, mean_absolute_change(made.picture.color, stored))


def _state(path: Path) -> tuple[int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_size, about.st_mtime_ns


def write_shard(shard: Path, index: TarIndex, images: ShardImages, spool: BinaryIO, new: BinaryIO) -> None:
    """Write the new tar.

    Raises:
        NotRefined: If the shard cannot be read to its end.
        OSError: If the new one cannot be written.
    """
    gone = {_sample(member) for member in index.members if member.start in images.failures} - {None}

    def copy(file: BinaryIO, start: int, end: int) -> None:
        for piece in _pieces(file, start, end):
            new.write(piece)

    with open_file(shard) as old:
        at = 0
        for member in index.members:
            copy(old, at, member.start)  # headers that are for all members
            at = member.end
            if member.start in images.failures or _sample(member) in gone:
                continue
            image = images.refined.get(member.start)
            if image is None:
                copy(old, member.start, member.end)
                continue
            new.write(resized(b"".join(_pieces(old, member.start, member.offset)), image.size))
            copy(spool, image.offset, image.offset + image.size)
            new.write(bytes(-image.size % BLOCK))
        whole = os.fstat(old.fileno()).st_size
    if whole % tarfile.RECORDSIZE:
        new.write(bytes(min(whole - index.end, tarfile.RECORDSIZE)))
    else:
        new.write(bytes(2 * BLOCK))
        new.write(bytes(-new.tell() % tarfile.RECORDSIZE))


def _sample(member: TarMember) -> str | None:
    parts = sample_of(member.name)
    return None if parts is None else parts[0]


def _member_key(key: str, member: TarMember) -> str:
    """Return a member's key; one that leads out is named by its place instead."""
    name = member.name.removeprefix("./")
    return f"{key}/{name}" if is_inside(name) else f"{key}/member at byte {member.start}"


def _pieces(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        try:
            file.seek(start)
            piece = file.read(min(end - start, PIECE_BYTES))
        except OSError as error:
            raise NotRefined(f"cannot be read ({why(error)})") from error
        if not piece:
            raise NotRefined("cannot be read (it ends before its last member)")
        yield piece
        start += len(piece)


def resized(headers: bytes, size: int) -> bytes:
    """Return a member's headers with another size and its checksum; every other byte stays."""
    header = bytearray(headers[-BLOCK:])
    last = header[135:136] if header[135] in b"\0 " else b"\0"  # what ends a number; the oldest tars put a space
    header[124:136] = b"%011o" % size + last
    header[148:156] = b" " * 8
    header[148:155] = b"%06o\0" % sum(header)
    return headers[:-BLOCK] + bytes(header)
