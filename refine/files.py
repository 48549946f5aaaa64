"""Opening and reading files, and writing small ones.

Whatever a stranger may have put into a dataset is opened by `open_file`: a regular file, or a link to one. A device has
no end, and a named pipe waits for a writer for ever. What is read whole (JSON, XML, YAML), and each line or element of
what is read piece by piece, has at most `max_file_size` bytes: as Python's objects it takes up to 25 times as much.

Small files are written under a temporary name first, so that a reader finds the old one or the new one.
"""

import glob
import hashlib
import io
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from refine.errors import InputError

MANIFEST = "refine-manifest.jsonl"
"""The record of a refined dataset, at its root. It is no file of the dataset."""

RUN = "refine-run.json"
"""The record of the run that made it, next to the manifest."""

OURS = frozenset({MANIFEST, RUN})

ARCHIVE = b"PK\x03\x04"
"""First bytes of zip archives, and so of files of torch 1.6 and later."""


def shown(key: str) -> str:
    """Return a key on one line for people: as it is where it can be printed, else escaped and quoted."""
    return key if key.isprintable() else ascii(key)


def printable(text: str) -> str:
    """Return the text on one line, with escapes for what a terminal would obey or cannot show."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def cut(text: str, longest: int = 160) -> str:
    """Return the text, or its beginning and end around ``…`` where it is longer: names in files have any length."""
    if len(text) <= longest:
        return text
    end = longest // 3
    return f"{text[: longest - end - 1]}…{text[-end:]}"


SIZE_VARIABLE = "REFINE_MAX_FILE_SIZE"
"""The environment variable that holds the bound on size, in MiB. In the environment, since processes that load data
inherit it however they are started, and no reader has to hand it on."""

DEFAULT_SIZE = 32
"""MiB. The largest label files of public datasets that are read whole (SOLO's and BOP's JSON) have about 10."""

LARGEST_IMAGE = 1 << 30
"""Bytes of one image file, whatever its header says: more than those that Pillow decodes have uncompressed."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class UnsuitableFile(OSError):
    """Not a regular file, or larger than `max_file_size`. The message is a reason without the path."""


def max_file_size() -> int:
    """Return the bound on files that are read whole, in bytes.

    Raises:
        InputError: If the environment holds something else than a number of MiB.
    """
    text = os.environ.get(SIZE_VARIABLE, str(DEFAULT_SIZE))
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text)):
        raise InputError(f"{SIZE_VARIABLE} is {text!r:.80}; expected a whole number of MiB from 1 on")
    return int(text) << 20


@contextmanager
def files_up_to(mebibytes: int | None) -> Iterator[None]:
    """Set `max_file_size` for the time of the block; None leaves it as it is."""
    before = os.environ.get(SIZE_VARIABLE)
    if mebibytes is not None:
        os.environ[SIZE_VARIABLE] = str(mebibytes)
    try:
        yield
    finally:
        if mebibytes is not None:
            os.environ.pop(SIZE_VARIABLE)
            os.environ.update({} if before is None else {SIZE_VARIABLE: before})


def require_file(path: Path) -> None:
    """Hold a path against being a regular file, for libraries that open it by name.

    Raises:
        OSError: If there is nothing, a link leads in a circle, or it is not a regular file (`UnsuitableFile`).
    """
    _require_regular(path.stat().st_mode)


def open_file(path: Path) -> io.BufferedReader:
    """Open a regular file, or a link to one, for reading.

    Raises:
        OSError: As `require_file`, or if it cannot be opened.
    """
    require_file(path)  # before it is opened: opening alone starts some devices
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _require_regular(os.fstat(descriptor).st_mode)  # another file may have come there in between
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def is_archive(path: Path) -> bool:
    """Whether a file begins as zip archives do."""
    with open_file(path) as file:
        return file.read(len(ARCHIVE)) == ARCHIVE


def file_sha256(path: Path) -> str:
    """Return the hex digest of a file of any size.

    Raises:
        OSError: As `open_file`.
    """
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_file(path: Path) -> bytes:
    """Return the whole content of a regular file.

    Raises:
        OSError: As `open_file`, or if there is more than `max_file_size`.
    """
    most = max_file_size()
    with open_file(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UnsuitableFile(f"it has {more_than(most)}")
    return content


def read_image_file(path: Path) -> bytes:
    """Return the content of an image file, which has a bound of its own: `LARGEST_IMAGE`.

    Raises:
        OSError: As `open_file`, or if there is more.
    """
    with open_file(path) as file:
        content = file.read(LARGEST_IMAGE + 1)
    if len(content) > LARGEST_IMAGE:
        raise UnsuitableFile(f"it has more than {LARGEST_IMAGE >> 30} GiB, which no image has")
    return content


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 text of any length, with their ends as they are, without a byte order mark.

    Raises:
        OSError: As `open_file`, or if a line has more than `max_file_size` characters.
        UnicodeDecodeError: If it is not UTF-8.
    """
    most = max_file_size()
    with open_file(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        while line := text.readline(most + 1):
            if len(line) > most:
                raise UnsuitableFile(f"one of its lines has {more_than(most)}")
            yield line


def why(error: Exception) -> str:
    """Return an error as a short reason without paths or addresses, so that it is the same on every run."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return " ".join(str(error).split()) or type(error).__name__


def _require_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise UnsuitableFile(f"it is {_KINDS.get(stat.S_IFMT(mode), 'something else')}, not a regular file")


def more_than(most: int) -> str:
    """Say that a file, or a part of it, is too large, and what to do."""
    return (
        f"more than {most >> 20} MiB; if it is what it should be, raise --max-file-size (of fit: --data.max-file-size)"
    )


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file in one step, making its folder.

    Raises:
        InputError: If the place cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_beside(path)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # or a crash could leave the new name on an empty file
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another output") from error
    except ValueError as error:  # a path without a name, such as . or /, or with a null byte
        raise InputError(f"{path}: cannot be written ({error}); choose another output") from error
    return path


def temporary_beside(path: Path) -> Path:
    """Return a new name for a file or folder that will be renamed to ``path``; remove what dead processes left of it.

    Raises:
        ValueError: If the path has no name.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.{os.getpid()}.tmp")
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        process = left.name.split(".")[-2]
        if process.isdecimal() and not _is_running(int(process)):
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink(missing_ok=True)
    return temporary


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def require_new(folder: Path) -> None:
    """Refuse a folder that is there, or for which there can be none.

    Raises:
        InputError: With what stands there.
    """
    if folder.exists():
        raise InputError(f"{folder}: exists already; name another folder, or remove it")
    require_output(folder.parent)


def require_output(folder: Path) -> None:
    """Prove that the output's folder can be made, and leave nothing: before the work, not after it, is the time.

    Raises:
        InputError: If it cannot be made or written to.
    """
    try:
        made = first_missing(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            writable = os.access(folder, os.W_OK)
        finally:
            remove_made(folder, made)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another --output") from error
    if not writable:
        raise InputError(f"{folder}: cannot be written to; choose another --output")


def first_missing(folder: Path) -> Path | None:
    """Return the topmost folder that has to be made for an output; None where it exists."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    return missing[-1] if missing else None


def remove_made(folder: Path, made: Path | None) -> None:
    """Remove an empty folder and those above it, up to what `first_missing` said before they were made."""
    while made is not None and folder.is_relative_to(made):
        with suppress(OSError):  # it could not be made, or another program has put something there
            folder.rmdir()
        folder = folder.parent
