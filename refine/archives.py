"""Zip archives from strangers, before torch or numpy reads them: directories of `torch.save`, arrays of `numpy.savez`.

Readers of zip files differ in where they look for the directory, in which of two names they take and in which of two
sizes they believe, so one file could show something else to each. What torch's own reader (miniz) would not write is
refused, and arrays are held against their file's size.
"""

import struct
import zipfile
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from refine.files import open_file

MOST_MEMBERS = 20_000
"""Members of an archive: one for each tensor, with those of optimizers and a few of torch's own."""
MOST_DIRECTORY_BYTES = 512 * MOST_MEMBERS

END = struct.Struct("<4s4H2IH")
LARGE_END = struct.Struct("<4sQ2H2I4Q")
LOCATOR = struct.Struct("<4sIQI")
"""Stands between the large end and the end, and names the place of the former."""
ENTRY = struct.Struct("<4s6H3I5H2I")
HEADER = struct.Struct("<4s5H3I2H")
"""Local header, which precedes a member's bytes."""

FLAGS = 0x0808
"""Sizes stand in the directory, names in UTF-8. The others are about encryption."""
WIDE = 0xFFFFFFFF
"""In place of a number that stands among an entry's extra fields, with 64 bits."""

MOST_UNPACKED, MOST_TIMES = 1 << 26, 256
"""Bytes that an array may have, and how many times the file's size more: masks of one class nearly vanish."""
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class Damaged(ValueError):
    """A file that is not what torch or numpy writes."""


class Member(NamedTuple):
    """Place of a member's bytes in the file."""

    start: int
    size: int


class _DirectoryEntry(NamedTuple):
    name: bytes
    flags: int
    size: int
    header: int
    """Place of the member's header in the file."""


def read_directory(file: BinaryIO, size: int) -> dict[str, Member]:
    """Return the members by name, in the directory's order.

    Args:
        file: Can be sought in; is left anywhere.
        size: Bytes of the file.

    Raises:
        Damaged: If it is not what torch writes: compressed or encrypted members, names that differ in case alone,
            bytes before the first member or after the end, members that overlap, or two records that disagree.
    """
    count, begin, end = directory_place(file, size)
    file.seek(begin)
    entries = _entries(file.read(end - begin), count)
    if len({entry.name.lower() for entry in entries}) != count:  # torch's reader does not heed case
        raise Damaged("members of the same name")
    starts = {entry.name: _start(file, entry) for entry in entries}
    ordered = sorted(entries, key=lambda entry: entry.header)
    ends = [0, *(starts[entry.name] + entry.size for entry in ordered)]
    places = [*(entry.header for entry in ordered), begin]
    if places[0] != 0 or any(stop > place for stop, place in zip(ends, places, strict=True)):
        raise Damaged("members that overlap, or bytes before the first one")
    return {entry.name.decode(): Member(starts[entry.name], entry.size) for entry in entries}


def directory_place(file: BinaryIO, size: int) -> tuple[int, int, int]:
    """Return the number of entries, and the directory's begin and end, which its end has to name.

    Args:
        file: As of `read_directory`.
        size: The same.

    Raises:
        Damaged: If it lies elsewhere, or has more entries than any of our archives.
    """
    file.seek(max(0, size - LARGE_END.size - LOCATOR.size - END.size))
    tail = file.read().rjust(LARGE_END.size + LOCATOR.size + END.size, b"\0")
    signature, *disks, here, count, length, begin, comment = END.unpack(tail[-END.size :])
    if signature != b"PK\x05\x06" or comment:
        raise Damaged("no end of its directory, or bytes after it")
    end = size - END.size
    signature, *place = LOCATOR.unpack(tail[LARGE_END.size : -END.size])
    if signature == b"PK\x06\x07":
        end -= LOCATOR.size + LARGE_END.size
        signature, own, _, _, *disks, here, count, length, begin = LARGE_END.unpack(tail[: LARGE_END.size])
        if place != [0, end, 1] or signature != b"PK\x06\x06" or own != LARGE_END.size - 12:
            raise Damaged("an end of its directory in another place than it says")
    if any(disks) or here != count or begin + length != end:
        raise Damaged("a directory in another place than it says")
    if not 0 < count <= MOST_MEMBERS or length > MOST_DIRECTORY_BYTES:
        raise Damaged("no members, or a directory of many megabytes")
    return count, begin, end


def _entries(directory: bytes, count: int) -> list[_DirectoryEntry]:
    entries, at = [], 0
    for _ in range(count):
        if at + ENTRY.size > len(directory):
            raise Damaged("a directory that is cut off")
        signature, _, _, flags, method, *_, stored, full, named, extra, comment, disk, _, _, header = ENTRY.unpack_from(
            directory, at
        )
        begin = at + ENTRY.size
        name, fields = directory[begin : begin + named], directory[begin + named : begin + named + extra]
        at = begin + named + extra + comment
        full, stored, header = _widened([full, stored, header], fields)
        if signature != b"PK\x01\x02" or disk or not name.isascii() or not name.decode().isprintable():
            raise Damaged("an entry of its directory that torch does not write")
        if method or stored != full or flags & ~FLAGS:
            raise Damaged("a compressed member; torch.save writes none")
        entries.append(_DirectoryEntry(name, flags, full, header))
    if at != len(directory):
        raise Damaged("a directory of another length than it says")
    return entries


def _widened(numbers: list[int], fields: bytes) -> list[int]:
    """Return the sizes and the place of an entry, those of 64 bits from its extra field 1."""
    at, wide = 0, b""
    while WIDE in numbers and not wide and at + 4 <= len(fields):
        kind, length = struct.unpack_from("<2H", fields, at)
        wide = fields[at + 4 : at + 4 + length] if kind == 1 else b""
        at += 4 + length
    if len(wide) != 8 * numbers.count(WIDE):
        raise Damaged("an entry of its directory without its sizes")
    values = iter(struct.unpack(f"<{len(wide) // 8}Q", wide))
    return [next(values) if number == WIDE else number for number in numbers]


def _start(file: BinaryIO, entry: _DirectoryEntry) -> int:
    """Return the place of a member's bytes, behind a header that must name the same member."""
    file.seek(entry.header)
    header = file.read(HEADER.size + len(entry.name))
    if len(header) != HEADER.size + len(entry.name):
        raise Damaged("a member outside the file")
    signature, _, flags, method, *_, named, extra = HEADER.unpack_from(header)
    if (signature, flags, method) != (b"PK\x03\x04", entry.flags, 0) or named != len(entry.name):
        raise Damaged("a member with another header than its directory says")
    if header[HEADER.size :] != entry.name:
        raise Damaged("a member with another name than its directory says")
    return entry.header + len(header) + int(extra)


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
                return [_read_array(archive, archive.getinfo(f"{name}.npy"), size) for name in names]
    except OSError:
        raise
    except Exception as error:  # whatever zipfile and numpy raise on a file that was made or broken on purpose
        raise ValueError(f"{path.name}: {error}") from error


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, size: int) -> NDArray[Any]:
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
