"""Names and small file operations that every part of `apply` shares."""

import errno
import hashlib
import itertools
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from refine.files import MANIFEST as MANIFEST
from refine.files import OURS as OURS
from refine.files import RUN as RUN
from refine.files import open_file
from refine.files import shown as shown
from refine.files import why as why

TEMPORARY = ".refine-tmp-"
"""Names of unfinished files begin so. They never outlive the next run."""
UNFINISHED = f"{TEMPORARY}unfinished"
"""Stands in an output as long as its run has not come to its end."""

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})

Item = TypeVar("Item")
Result = TypeVar("Result")
_counter = itertools.count()


def temporary_beside(final: Path) -> Path:
    """A name in the folder of ``final`` that no other thread or process uses."""
    return final.with_name(f"{TEMPORARY}{os.getpid()}-{next(_counter)}")


def write_temporary(final: Path, data: bytes, permissions: int | None = None) -> Path:
    """Write and sync ``data`` beside ``final``; the caller renames it. Nothing is left behind if that fails.

    Args:
        final: Where the file will stand.
        data: The whole content.
        permissions: Permission bits; None leaves the process's default.
    """
    temporary = temporary_beside(final)
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            if permissions is not None:
                with suppress(PermissionError):  # some file systems keep no permissions
                    os.fchmod(file.fileno(), permissions)
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def replace_whole(final: Path, data: bytes) -> None:
    """Put a file in place in one step: after a crash it is the old one or the new one."""
    write_temporary(final, data).replace(final)
    sync_folder(final.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hex_digest(data: bytes) -> str:
    """The sha256 of a file's content, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str | None:
    """Hex digest of a regular file; None where there is none, it is a link, or it cannot be read."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        with open_file(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def sweep(folder: Path) -> None:
    """Remove what an interrupted run left unfinished. Links are not followed."""
    for place, _, names in os.walk(folder):
        for name in names:
            if name.startswith(TEMPORARY):
                Path(place, name).unlink(missing_ok=True)


def in_order(
    pool: Executor, function: Callable[[Item], Result], items: Iterable[Item], ahead: int = 64
) -> Iterator[Result]:
    """`map` through a pool with at most ``ahead`` calls under way, so that memory stays bounded."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
