"""Whole files only: written and synced under temporary names, renamed in groups, then listed in the manifest."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from refine.apply.files import sync_folder, temporary_beside, why
from refine.apply.manifest import Entry, Manifest, failed
from refine.files import open_file

GROUP, SECONDS = 64, 2.0
"""A group is closed with this many files, or after this long."""

PERMISSIONS = 0o777


class Unreadable(Exception):
    """The source of a copy cannot be read: its fault and not the disk's that is written to."""


class Finished(NamedTuple):
    """One file that waits under its temporary name, or one that could not be made."""

    entry: Entry
    final: Path
    temporary: Path | None = None
    """None: nothing was written, and nothing of an earlier run may stand at ``final``."""
    within: tuple[Entry, ...] = ()
    """Lines of what lies inside the file; they are listed with it, and just before it."""


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
        if len(self._group) >= GROUP or (self._group and time.monotonic() - self._since > SECONDS):
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


def carry(source: Path, final: Path, key: str) -> Finished:
    """Copy a file byte for byte, with its permissions and its time of change, in pieces.

    Raises:
        OSError: If it cannot be written. One that cannot be read comes back as failed.
    """
    temporary = temporary_beside(final)
    digest = sha256()
    try:
        with temporary.open("xb") as new:
            for piece in _pieces(source):
                digest.update(piece)
                new.write(piece)
            new.flush()
            about = source.stat()
            with suppress(PermissionError):  # some file systems keep no permissions
                os.fchmod(new.fileno(), about.st_mode & PERMISSIONS)
            with suppress(PermissionError):
                os.utime(new.fileno(), ns=(about.st_atime_ns, about.st_mtime_ns))
            os.fsync(new.fileno())
    except Unreadable as error:
        temporary.unlink(missing_ok=True)
        return Finished(failed(key, "carried", f"cannot be read ({error})"), final)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    entry: Entry = {"key": key, "kind": "carried", "status": "done", "sha256": digest.hexdigest()}
    return Finished(entry, final, temporary)


def _pieces(source: Path) -> Iterator[bytes]:
    try:
        with open_file(source) as file:
            while piece := file.read(1 << 20):
                yield piece
    except OSError as error:
        raise Unreadable(why(error)) from error


def link(text: str, final: Path, key: str) -> Finished:
    """Make a symbolic link."""
    temporary = temporary_beside(final)
    temporary.symlink_to(text)
    return Finished({"key": key, "kind": "link", "status": "done", "target": text}, final, temporary)
