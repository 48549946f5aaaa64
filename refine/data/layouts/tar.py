"""Where the members of a tar lie, so that each can be read by its place. Nothing is unpacked.

Source: POSIX.1-1988 (ustar) and the headers as the standard library's `tarfile` reads them.
"""

import io
import tarfile
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self, cast

from refine.files import open_file

BLOCK = 512
PLAIN = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE})
"""Types of members that are nothing but a file."""

EXTENDED = frozenset({tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK})
"""Types of headers that say more of the next member, which `tarfile` reads whole, whatever size they name."""
LONGEST_EXTENDED = 1 << 20
"""Bytes of one; a path has 4096."""


class _Header(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type in EXTENDED and not 0 <= header.size <= LONGEST_EXTENDED:
            raise ValueError(f"an extended header of {header.size} bytes")
        return header


class TarMember(NamedTuple):
    """One entry of a tar."""

    name: str
    """As it is stored."""
    start: int
    """Of its headers, in bytes from the tar's beginning; they end where the content begins."""
    offset: int
    """Of its content."""
    size: int
    """Of its content, in bytes."""
    end: int
    """Where the next member's headers begin, or such that are for all members."""
    file: bool
    """Whether it is a file (else a folder, or what `flaw` says)."""
    flaw: str | None
    """Why it is not touched."""


class TarIndex(NamedTuple):
    """All entries of a tar, in their order."""

    members: list[TarMember]
    flaw: str | None
    """What is wrong with the tar itself, from where on nothing of it can be read."""

    @property
    def end(self) -> int:
        """Where the last member ends."""
        return self.members[-1].end if self.members else 0


def index_tar(path: Path) -> TarIndex:
    """Read all headers. An uncompressed tar only: of a compressed one no member has a place of its own."""
    members: list[TarMember] = []
    try:
        with open_file(path) as file, tarfile.open(fileobj=file, mode="r:", tarinfo=_Header) as tar:
            while (info := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # its own list grows by a kilobyte a member
                member = TarMember(
                    info.name,
                    info.offset,
                    info.offset_data,
                    info.size,
                    tar.offset,  # where it goes on: a link has no content, whatever size it names
                    info.type in PLAIN,
                    _flaw(info),
                )
                if member.size < 0 or member.end <= (members[-1].end if members else 0):
                    return TarIndex(members, f"damaged (a member's size is {member.size})")
                members.append(member)
        index = TarIndex(members, None)
        return index if _zeros_from(path, index.end) else TarIndex(members, f"damaged from byte {index.end} on")
    except Exception as error:  # damaged headers raise whatever the reader stumbled over
        return TarIndex(members, f"no whole, uncompressed tar ({' '.join(str(error).split()) or type(error).__name__})")


def first_names(shard: Path, most: int) -> list[str]:
    """Names of a tar's first members, so many at most; those before the damage, if there is any."""
    names: list[str] = []
    try:
        with open_file(shard) as file, tarfile.open(fileobj=file, mode="r:", tarinfo=_Header) as tar:
            while len(names) < most and (info := tar.next()) is not None:
                names.append(info.name)
    except Exception:  # no tar, or a damaged one: the layout says so when it is asked for by name
        return names
    return names


def _flaw(info: tarfile.TarInfo) -> str | None:
    if not is_inside(info.name):
        return "its name leads out of the tar"
    if info.issym() or info.islnk():
        return "a link"
    if info.sparse is not None or info.type == tarfile.GNUTYPE_SPARSE:
        return "a sparse file"
    if info.type not in PLAIN and not info.isdir():
        return "neither a file nor a folder"
    return "its size stands in an extended header" if "size" in info.pax_headers else None


def is_inside(name: str) -> bool:
    """Whether a member's name stays below where the tar would be unpacked."""
    return bool(name) and not name.startswith("/") and ".." not in name.split("/") and "\0" not in name


def _zeros_from(path: Path, offset: int) -> bool:
    """Whether nothing but padding follows: the reader takes a damaged header for the tar's end."""
    with open_file(path) as file:
        file.seek(offset)
        while piece := file.read(1 << 20):
            if piece.count(0) != len(piece):
                return False
    return True


class Window(io.RawIOBase):
    """A part of a file as a file of its own, for reading.

    Args:
        path: The whole file.
        offset: Where the part begins, in bytes.
        size: Its length.
    """

    def __init__(self, path: Path, offset: int, size: int) -> None:
        self._file = open_file(path)
        self._offset, self._size, self._at = offset, size, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, to: int, whence: int = io.SEEK_SET) -> int:
        """As of any file."""
        self._at = max(0, to + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader hands in
        """As of any file."""
        self._file.seek(self._offset + self._at)
        piece = self._file.read(min(len(buffer), max(0, self._size - self._at)))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        """Close the file beneath as well."""
        if not self.closed:
            self._file.close()
        super().close()


def window(path: Path, member: TarMember) -> BinaryIO:
    """A member's content as a file."""
    return cast(BinaryIO, io.BufferedReader(Window(path, member.offset, member.size), 1 << 16))


def content(path: Path, member: TarMember) -> bytes:
    """A member's whole content."""
    with window(path, member) as file:
        return file.read()
