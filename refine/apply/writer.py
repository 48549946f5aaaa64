"""Whole files only: written and synced under temporary names, renamed in groups, then listed in the manifest."""

import hashlib
import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from refine.apply.manifest import ManifestEntry, failed, line_of, read_manifest, regular_sha256
from refine.files import MANIFEST, open_file, why

TEMPORARY = ".refine-tmp-"
"""Names of unfinished files begin so. They never outlive the next run."""
UNFINISHED = f"{TEMPORARY}unfinished"
"""Stands in an output as long as its run has not come to its end."""

GROUP_FILES, GROUP_SECONDS = 64, 2.0
"""A group is closed with this many files, or after this long."""

_counter = itertools.count()


class Unreadable(Exception):
    """The source of a copy cannot be read: its fault and not the disk's that is written to."""


class Finished(NamedTuple):
    """One file that waits under its temporary name, or one that could not be made."""

    entry: ManifestEntry
    final: Path
    temporary: Path | None = None
    """None: nothing was written, and nothing of an earlier run may stand at ``final``."""
    within: tuple[ManifestEntry, ...] = ()
    """Lines of what lies inside the file; they are listed with it, and just before it."""


def temporary_name(final: Path) -> Path:
    """Return a name in the folder of ``final`` that no other thread or process uses."""
    return final.with_name(f"{TEMPORARY}{os.getpid()}-{next(_counter)}")


def write_temporary(final: Path, data: bytes, mode: int | None = None) -> Path:
    """Write and sync ``data`` next to ``final``; the caller renames it. Nothing is left behind if that fails.

    Args:
        final: Where the file will stand.
        data: The whole content.
        mode: Its permissions are those of this mode; None leaves the process's default.
    """
    temporary = temporary_name(final)
    try:
        with temporary.open("xb") as file:
            file.write(data)
            sync_file(file, mode)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def sync_file(file: BinaryIO, mode: int | None = None) -> None:
    """Give an open file its permissions, and make it survive a power cut."""
    file.flush()
    if mode is not None:
        with suppress(PermissionError):  # some file systems keep no permissions
            os.fchmod(file.fileno(), mode & 0o777)
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_whole(final: Path, data: bytes) -> None:
    """Put a file in place in one step: after a crash it is the old one or the new one."""
    write_temporary(final, data).replace(final)
    sync_folder(final.parent)


def sweep(folder: Path) -> None:
    """Remove what an interrupted run left unfinished. Links are not followed."""
    for place, _, names in os.walk(folder):
        for name in names:
            if name.startswith(TEMPORARY):
                Path(place, name).unlink(missing_ok=True)


def carry(source: Path, final: Path, key: str) -> Finished:
    """Copy a file byte for byte, with its permissions and its time of change, in pieces.

    Raises:
        OSError: If it cannot be written. One that cannot be read comes back as failed.
    """
    temporary = temporary_name(final)
    digest = hashlib.sha256()
    try:
        with temporary.open("xb") as new:
            for piece in _pieces(source):
                digest.update(piece)
                new.write(piece)
            new.flush()
            about = source.stat()
            with suppress(PermissionError):  # some file systems keep none
                os.utime(new.fileno(), ns=(about.st_atime_ns, about.st_mtime_ns))
            sync_file(new, about.st_mode)
    except Unreadable as error:
        temporary.unlink(missing_ok=True)
        return Finished(failed(key, "carried", f"cannot be read ({error})"), final)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return Finished({"key": key, "kind": "carried", "status": "done", "sha256": digest.hexdigest()}, final, temporary)


def _pieces(source: Path) -> Iterator[bytes]:
    try:
        with open_file(source) as file:
            while piece := file.read(1 << 20):
                yield piece
    except OSError as error:
        raise Unreadable(why(error)) from error


def link(text: str, final: Path, key: str) -> Finished:
    """Make a symbolic link."""
    temporary = temporary_name(final)
    temporary.symlink_to(text)
    return Finished({"key": key, "kind": "link", "status": "done", "target": text}, final, temporary)


class Manifest:
    """The manifest of a run in progress. Not for several threads at once.

    Args:
        folder: The refined dataset. A torn last line is discarded.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / MANIFEST
        found = read_manifest(folder)
        self.entries = found.entries
        if found.torn or found.damaged:
            self._rewrite()
        self._file = self.path.open("ab", buffering=0)
        sync_folder(folder)

    def append(self, entries: Iterable[ManifestEntry]) -> None:
        """Add lines and sync them. Where that fails nothing is added: the disk may be full.

        Raises:
            OSError: As the disk has it.
        """
        new = [entry for entry in entries if self.entries.get(entry["key"]) != entry]
        if not new:
            return
        data = memoryview(b"".join(map(line_of, new)))
        length = os.fstat(self._file.fileno()).st_size
        try:
            while data:
                data = data[self._file.write(data) :]
            os.fsync(self._file.fileno())
        except OSError:
            os.ftruncate(self._file.fileno(), length)
            raise
        self.entries.update({entry["key"]: entry for entry in new})

    def drop(self, keys: Iterable[str]) -> None:
        """Forget keys, at once and in one step."""
        gone = [key for key in keys if self.entries.pop(key, None) is not None]
        if gone:
            self.finish()
            self._file = self.path.open("ab", buffering=0)

    def finish(self) -> None:
        """Leave one line a key, sorted: the same bytes whatever happened on the way."""
        self.close()
        self._rewrite()

    def close(self) -> None:
        """Stop writing; the lines stay as they came."""
        self._file.close()

    def _rewrite(self) -> None:
        data = b"".join(line_of(self.entries[key]) for key in sorted(self.entries))
        if not self.path.is_file() or regular_sha256(self.path) != hashlib.sha256(data).hexdigest():
            replace_whole(self.path, data)


class Writer:
    """Runs jobs that write files in threads, and commits what they finished. Used from one thread.

    Args:
        manifest: Where finished files are listed.
        workers: Threads.
        in_flight: Sum of the costs of unfinished jobs from which on `submit` waits.
        advance: Called with the number of files of each group that is safe on disk.
    """

    def __init__(self, manifest: Manifest, workers: int, in_flight: int, advance: Callable[[int], None]) -> None:
        self._manifest, self._advance, self._in_flight = manifest, advance, in_flight
        self._pool = ThreadPoolExecutor(workers, "refine-write")
        self._committer = ThreadPoolExecutor(1, "refine-commit")
        self._jobs: list[tuple[Future[Finished], int]] = []
        self._group: list[Finished] = []
        self._since = time.monotonic()
        self._commit: Future[None] | None = None

    def submit(self, job: Callable[[], Finished], cost: int) -> None:
        """Run ``job`` in a thread; what it raises is raised here or in `close`."""
        while self._jobs and sum(cost for _, cost in self._jobs) + cost > self._in_flight:
            self._take(0)
        self._jobs.append((self._pool.submit(job), cost))
        self._collect()

    def add(self, finished: Finished) -> None:
        """Commit something that needed no thread, with the group in hand."""
        self._group.append(finished)
        self._collect()

    def close(self) -> None:
        """Wait for every job and commit everything."""
        while self._jobs:
            self._take(0)
        self._commit_group()
        self._wait_for_commit()
        self._stop()

    def abandon(self) -> None:
        """After an error: what is finished is kept if the disk allows, the rest leaves no trace. Raises nothing."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for job, _ in self._jobs:
            if not job.cancelled() and job.exception() is None:
                self._group.append(job.result())
        self._jobs.clear()
        for step in (self._wait_for_commit, self._commit_group, self._wait_for_commit):
            with suppress(Exception):  # the error that brought us here is the one to tell
                step()
        self._stop()

    def _stop(self) -> None:
        self._pool.shutdown()
        self._committer.shutdown()

    def _take(self, index: int) -> None:
        job, _ = self._jobs.pop(index)
        self._group.append(job.result())

    def _collect(self) -> None:
        for index in reversed([at for at, (job, _) in enumerate(self._jobs) if job.done()]):
            self._take(index)
        if len(self._group) >= GROUP_FILES or (self._group and time.monotonic() - self._since > GROUP_SECONDS):
            self._commit_group()

    def _commit_group(self) -> None:
        self._wait_for_commit()
        group, self._group, self._since = self._group, [], time.monotonic()
        if group:
            self._commit = self._committer.submit(self._put_in_place, group)

    def _wait_for_commit(self) -> None:
        commit, self._commit = self._commit, None
        if commit is not None:
            commit.result()

    def _put_in_place(self, group: list[Finished]) -> None:
        try:
            for _, final, temporary, _ in group:
                if temporary is not None:
                    temporary.replace(final)
                elif final.is_symlink() or final.is_file():
                    final.unlink()
            for folder in {final.parent for _, final, *_ in group}:
                if folder.is_dir():
                    sync_folder(folder)
            self._manifest.append(line for entry, *_, within in group for line in (*within, entry))
        except BaseException:
            for _, _, temporary, _ in group:
                if temporary is not None:
                    temporary.unlink(missing_ok=True)
            raise
        self._advance(len(group))
