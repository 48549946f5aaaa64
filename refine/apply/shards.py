"""Tar shards in, tar shards out: other pixels, and every other byte of every member as it was.

A sample whose image cannot be refined is left out whole: its labels would have no image.
"""

import os
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple

from refine.apply.files import in_order, why
from refine.apply.manifest import Entry, failed
from refine.apply.network import Network
from refine.apply.plan import PlannedImage
from refine.apply.windows import refine_all
from refine.apply.write import Unreadable
from refine.data.images import obstacle, read_header
from refine.data.layouts.tar import BLOCK, Member, TarIndex, content, is_inside, window
from refine.data.layouts.webdataset import sample_of
from refine.files import open_file

LEFT_OUT = "its sample is left out"
PIECE = 1 << 20


class Place(NamedTuple):
    """Where a refined image waits in the spool."""

    offset: int
    size: int


class Images(NamedTuple):
    """What became of a shard's images."""

    refined: dict[int, Place]
    """By `Member.start`."""
    failures: dict[int, str]
    """Why a member is not written, by `Member.start`."""
    change: float
    """Sum over ``refined``."""


def refine_images(
    shard: Path,
    index: TarIndex,
    names: frozenset[str],
    spool: BinaryIO,
    network: Network,
    batch_size: int,
    pool: ThreadPoolExecutor,
    advance: Callable[[int], None],
) -> Images:
    """Refine a shard's images one after the other, into a file beside.

    Args:
        shard: The tar.
        index: Its members.
        names: Of the members that are images to refine.
        spool: Where the new images are written, in any place.
        network: What refines.
        batch_size: As in `Settings`.
        pool: Threads that read, decode and encode.
        advance: Told how many images are through.
    """
    images = Images({}, {member.start: member.flaw for member in index.members if member.flaw}, 0.0)
    members = {
        member.start: member for member in index.members if member.name in names and member.file and member.flaw is None
    }

    def look(member: Member) -> PlannedImage | str:
        try:
            with window(shard, member) as file:
                seen = read_header(file)
        except Exception as error:  # Pillow raises a dozen kinds on damaged headers
            return why(error)
        reason = obstacle(seen, network.translator.channels, member.size)
        return reason or PlannedImage(str(member.start), seen, member.size)

    def planned() -> Iterator[PlannedImage]:
        looks = in_order(pool, lambda member: (member, look(member)), members.values())
        for member, image in looks:
            if isinstance(image, str):
                images.failures[member.start] = image
            else:
                yield image

    change = 0.0
    results = refine_all(planned(), lambda image: content(shard, members[int(image.key)]), network, batch_size, pool)
    for image, result in results:
        start = int(image.key)
        if isinstance(result, str):
            images.failures[start] = result
        else:
            images.refined[start] = Place(spool.tell(), len(result.data))
            spool.write(result.data)
            change += result.change
        advance(1)
    return images._replace(change=change)


def listed(key: str, index: TarIndex, images: Images) -> list[Entry]:
    """The manifest's lines of the members that could not be refined; their whole samples are left out."""
    return [
        failed(member_key(key, member), "image", f"{images.failures[member.start]}; {LEFT_OUT}")
        for member in index.members
        if member.start in images.failures
    ]


def member_key(key: str, member: Member) -> str:
    """A member's key: one that leads out is named by its place instead."""
    name = member.name.removeprefix("./")
    return f"{key}/{name}" if is_inside(name) else f"{key}/member at byte {member.start}"


def write_shard(shard: Path, index: TarIndex, images: Images, spool: BinaryIO, new: BinaryIO) -> str:
    """Write the new tar.

    Returns:
        Its sha256.

    Raises:
        Unreadable: If the shard cannot be read to its end.
        OSError: If the new one cannot be written.
    """
    gone = {_sample(member) for member in index.members if member.start in images.failures} - {None}
    digest, size, at = sha256(), 0, 0

    def put(data: bytes) -> None:
        nonlocal size
        digest.update(data)
        size += len(data)
        new.write(data)

    with open_file(shard) as old:
        for member in index.members:
            for piece in _pieces(old, at, member.start - at):  # headers that are for all members
                put(piece)
            at = member.end
            if member.start in images.failures or _sample(member) in gone:
                continue
            place = images.refined.get(member.start)
            if place is None:
                for piece in _pieces(old, member.start, member.end - member.start):
                    put(piece)
                continue
            put(resized(b"".join(_pieces(old, member.start, member.offset - member.start)), place.size))
            for piece in _pieces(spool, place.offset, place.size):
                put(piece)
            put(bytes(-place.size % BLOCK))
        whole = os.fstat(old.fileno()).st_size
    if whole % tarfile.RECORDSIZE:
        put(bytes(min(whole - index.end, tarfile.RECORDSIZE)))
    else:
        put(bytes(2 * BLOCK))
        put(bytes(-size % tarfile.RECORDSIZE))
    return digest.hexdigest()


def _sample(member: Member) -> str | None:
    parts = sample_of(member.name)
    return None if parts is None else parts[0]


def _pieces(file: BinaryIO, offset: int, size: int) -> Iterator[bytes]:
    while size:
        try:
            file.seek(offset)
            piece = file.read(min(size, PIECE))
        except OSError as error:
            raise Unreadable(why(error)) from error
        if not piece:
            raise Unreadable("it ends before its last member")
        yield piece
        offset, size = offset + len(piece), size - len(piece)


def resized(headers: bytes, size: int) -> bytes:
    """A member's headers with another size and its checksum; every other byte stays."""
    header = bytearray(headers[-BLOCK:])
    last = header[135:136] if header[135] in b"\0 " else b"\0"  # what ends a number; the oldest tars put a space
    header[124:136] = b"%011o" % size + last
    header[148:156] = b" " * 8
    header[148:155] = b"%06o\0" % sum(header)
    return headers[:-BLOCK] + bytes(header)
