"""The two folders of a run: what is refused before anything is made, and what the output must be."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from refine.apply.files import FULL_DISK, MANIFEST, OURS, RUN, TEMPORARY, UNFINISHED, sweep
from refine.apply.manifest import Entry, read_manifest
from refine.errors import DiskFull, InputError
from refine.files import remove_made


def check_folders(source: Path, output: Path) -> tuple[Path, Path]:
    """Both as absolute paths without links.

    Raises:
        InputError: If the input is no folder, one lies in the other, or the output holds other things.
    """
    if not source.is_dir():
        found = "a file" if source.exists() else "nothing"
        raise InputError(f"{source}: expected a folder with a dataset, found {found}")
    if not os.access(source, os.R_OK | os.X_OK):
        raise InputError(f"{source}: the folder cannot be read (permission denied)")
    real_source, real_output = source.resolve(), output.resolve()
    if real_output == real_source or real_output.is_relative_to(real_source):
        raise InputError(f"{output}: the output lies inside the input {source}; choose a folder beside it")
    if real_source.is_relative_to(real_output):
        raise InputError(f"{source}: the input lies inside the output {output}; choose another output")
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: expected a folder for the output, found a file")
    if output.is_dir() and not (output / RUN).is_file():
        foreign = sorted(entry.name for entry in output.iterdir() if not entry.name.startswith(TEMPORARY))
        if foreign:
            raise InputError(
                f"{output}: not empty and no output of `refine apply` (it has no {RUN}, but {foreign[0]}); "
                "choose a new folder, or empty this one"
            )
    for ours in sorted(output / name for name in OURS):
        if os.path.lexists(ours) and (ours.is_symlink() or not ours.is_file()):
            raise InputError(f"{ours}: expected a file that `refine apply` wrote, found something else; remove it")
    _check_writable(output)
    return real_source, real_output


def _check_writable(output: Path) -> None:
    place = output
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise InputError(f"{output}: {place} is a file, so no folder can be made there")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"{output}: {place} is not writable; choose another --output")


@contextmanager
def only_run(output: Path) -> Iterator[None]:
    """Make the output folder, and keep other runs out of it.

    Raises:
        InputError: If another run is at work there.
    """
    output.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(output, os.O_RDONLY)
    try:
        _lock(descriptor, output)
        yield
    finally:
        os.close(descriptor)  # the lock goes with it, and with the process if that is killed


@contextmanager
def nothing_left(output: Path, made: Path | None) -> Iterator[None]:
    """Remove what a run made that ends in a refusal, where no run before left anything and no image is done.

    Args:
        output: The output, which is this run's alone.
        made: What `first_missing` said before it was made.
    """
    is_new = not (output / RUN).exists()
    try:
        yield
    except InputError:
        if is_new and not any(entry["status"] == "done" and _pictures(entry) for entry in _listed(output)):
            for inside in output.iterdir():
                shutil.rmtree(inside) if inside.is_dir() and not inside.is_symlink() else inside.unlink()
            remove_made(output, made)
        raise


def _listed(output: Path) -> list[Entry]:
    return list(read_manifest(output).entries.values())


def _pictures(entry: Entry) -> int:
    return entry.get("images", 0) if entry["kind"] == "container" else int(entry["kind"] == "image")


@contextmanager
def unfinished(output: Path) -> Iterator[None]:
    """Sweep what a killed run left, and mark the output until this one comes to its end."""
    sweep(output)
    (output / UNFINISHED).touch()
    yield
    (output / UNFINISHED).unlink(missing_ok=True)


def _lock(descriptor: int, output: Path) -> None:
    try:
        import fcntl
    except ImportError:  # no such locks on this system: two runs at once are the user's own care
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InputError(f"{output}: another `refine apply` is writing here; wait for it, or stop it") from error
    except OSError:  # a file system without locks
        return


@contextmanager
def disk_errors(output: Path) -> Iterator[None]:
    """Turn what the disk says into what the user can do.

    Raises:
        DiskFull: If no space is left.
        InputError: If the output cannot be written, whatever else the system says.
    """
    try:
        yield
    except DiskFull:
        raise
    except OSError as error:
        if error.errno in FULL_DISK:
            raise DiskFull(
                f"{output}: no space left; what {MANIFEST} lists is done and stands. Make room, "
                "then run the same command again"
            ) from error
        if error.errno is None:  # not from the system
            raise
        raise InputError(f"{output}: cannot be written ({error.strerror}{_where(error)})") from error


def _where(error: OSError) -> str:
    """The file of an error: of a rename its new name, and of an unfinished file its folder."""
    name = error.filename if error.filename2 is None else error.filename2
    if not isinstance(name, str | os.PathLike):
        return ""
    path = Path(os.fspath(name))
    return f": {path.parent if path.name.startswith(TEMPORARY) else path}"
