"""The output of a run: what it must be, what keeps other runs out of it, and what of an earlier run still stands."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path, PurePosixPath

from refine.apply.manifest import LEFT_OUT, ManifestEntry, as_listed, read_manifest, regular_sha256
from refine.apply.options import ApplyOptions
from refine.apply.plan import ApplyPlan, container_of
from refine.apply.writer import TEMPORARY, UNFINISHED, Manifest, replace_whole, sweep
from refine.errors import DiskFull, InputError
from refine.files import MANIFEST, RUN, first_missing, read_file, remove_made
from refine.json_files import read_json
from refine.options import flag_name
from refine.workers import in_order

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})

RECORD_NAMES = {
    **{f"flags.{field.name}": flag_name(field.name) for field in fields(ApplyOptions)},
    "audit": "--audit",
    "audit.sha256": "the audit's sha256",
    "audit.if_wrong": "--if-wrong",
    "audit.repair": "--repair",
    "device": "--device",
    "threads": "threads (OMP_NUM_THREADS)",
    "model.sha256": "the checkpoint's sha256",
}
"""How messages call the parts of a record."""


@contextmanager
def own_output(output: Path, run: dict[str, object]) -> Iterator[None]:
    """Make an output this run's alone for the time of the block, with its record, and without what a killed run left.

    Where the block ends in a refusal, no run before left anything and no image is done, all that was made is removed.
    Otherwise the output is marked as unfinished until the block comes to its end.

    Raises:
        InputError: If another run is at work there, or the output was made otherwise.
    """
    made = first_missing(output)
    output.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(output, os.O_RDONLY)
    try:
        _lock(descriptor, output)
        is_new = not (output / RUN).exists()
        try:
            claim(output, run)
            sweep(output)
            (output / UNFINISHED).touch()
            yield
            (output / UNFINISHED).unlink(missing_ok=True)
        except InputError:
            done = (entry for entry in read_manifest(output).entries.values() if entry["status"] == "done")
            if is_new and not any(entry["kind"] == "image" or entry.get("images") for entry in done):
                for inside in output.iterdir():
                    shutil.rmtree(inside) if inside.is_dir() and not inside.is_symlink() else inside.unlink()
                remove_made(output, made)
            raise
    finally:
        os.close(descriptor)  # the lock goes with it, and with the process if that is killed


def claim(output: Path, run: dict[str, object]) -> None:
    """Write the record of a run into a new output, or hold it against the one that is there.

    Raises:
        InputError: If the output was made otherwise, naming what differs.
    """
    path = output / RUN
    data = json.dumps(run, indent=2, sort_keys=True, ensure_ascii=True).encode() + b"\n"
    if not path.is_file():
        replace_whole(path, data)
        return
    stored = read_json(path, f"choose another --output, or delete {output}")
    if isinstance(stored, dict) and isinstance(stored.get("flags"), dict):
        stored["flags"] = {"strength": 1.0, **stored["flags"]}  # of a run from before there was this flag
    model = run.get("model")
    if isinstance(model, dict):  # or before the method had an argument: the weights' hash tells them apart
        with suppress(KeyError, TypeError):
            stored["model"]["init_args"] = {**model["init_args"], **stored["model"]["init_args"]}
    differences = [] if read_file(path) == data else sorted(_differences(stored, run))
    if differences:  # one is enough for a person to know
        others = [each for each in differences if not each.startswith(("model.", RECORD_NAMES["model.sha256"]))]
        first = "another checkpoint" if len(others) < len(differences) else others[0]
        raise InputError(f"{output}: was made with {first}. Choose another --output, give the same again, or delete it")


def _differences(stored: object, run: object, name: str = "") -> Iterator[str]:
    if isinstance(stored, dict) and isinstance(run, dict):
        for key in stored.keys() | run.keys():
            yield from _differences(stored.get(key), run.get(key), f"{name}.{key}".removeprefix("."))
    elif stored != run:
        yield f"{RECORD_NAMES.get(name, name)} {_text(stored)}, not {_text(run)}"


def _text(value: object) -> str:
    if isinstance(value, dict) and "sha256" in value:
        return f"of sha256 {value['sha256']}"
    return "none" if value is None else str(value)


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
    """Return the file of an error: of a rename its new name, and of an unfinished file its folder."""
    name = error.filename if error.filename2 is None else error.filename2
    if not isinstance(name, str | os.PathLike):
        return ""
    path = Path(os.fspath(name))
    return f": {path.parent if path.name.startswith(TEMPORARY) else path}"


def drop_stale(plan: ApplyPlan, manifest: Manifest, output: Path) -> None:
    """Forget files that the input no longer has, or has as another kind, and remove what was made of them.

    A file that is no longer what the manifest says is left where it is: it is not ours. What lies in a folder
    that could not be read may well be there still, and is left too. Folders that this leaves empty go, unless the
    input has them: a file may stand there now.
    """
    kinds = plan.kinds()
    hidden = {entry["key"] for entry in plan.failures if entry["kind"] == "carried"}
    around = hidden | plan.containers.keys()  # their members' lines go with them
    stale = [
        entry
        for key, entry in manifest.entries.items()
        if kinds.get(key) != entry["kind"] and not any(str(above) in around for above in PurePosixPath(key).parents)
    ]
    wanted = {output / folder for folder in plan.folders}
    for entry in stale:
        path = output / entry["key"]
        folder = path.parent
        if as_listed(entry, path) and folder.resolve().is_relative_to(output):
            path.unlink()
            with suppress(OSError):  # it is not empty
                while folder != output and folder not in wanted and folder.resolve() == folder:
                    folder.rmdir()
                    folder = folder.parent
    for final in (output / key for key in kinds.keys() - hidden):
        if final.is_dir() and not final.is_symlink():  # one that holds nothing but folders makes way
            for place, _, _ in os.walk(final, topdown=False):
                with suppress(OSError):  # it is not empty
                    Path(place).rmdir()
    manifest.drop(entry["key"] for entry in stale)


def standing(plan: ApplyPlan, manifest: Manifest, source: Path, output: Path, workers: int) -> set[str]:
    """Return the keys that are done: input and output both have the hash that the manifest gives."""
    targets = {link.key: link.text for link in plan.links}
    within = lines_within(plan, manifest)
    keys = [*(image.key for image in plan.images), *plan.containers, *plan.carried, *targets]

    def stands(entry: ManifestEntry) -> bool:
        key, kind = entry["key"], entry["kind"]
        # A link that was left out has no hash: it is decided anew
        before = entry.get("sha256") if kind == "carried" else entry.get("input_sha256")
        if entry["status"] == LEFT_OUT:
            return not os.path.lexists(output / key) and before is not None and regular_sha256(source / key) == before
        if not as_listed(entry, output / key):
            return False
        if kind == "link":
            return entry["target"] == targets.get(key)
        if kind == "container":  # a damaged manifest may have lost lines of its members
            whole = isinstance(entry["images"], int) and entry["left_out"] == len(within.get(key, ()))
            return whole and regular_sha256(source / key) == before
        return regular_sha256(source / key) == before

    listed = [manifest.entries[key] for key in keys if key in manifest.entries]
    with ThreadPoolExecutor(workers, "refine-hash") as pool:
        found = in_order(pool, stands, listed, ahead=256)
        return {entry["key"] for entry, is_done in zip(listed, found, strict=True) if is_done}


def lines_within(plan: ApplyPlan, manifest: Manifest) -> dict[str, list[str]]:
    """Return the keys of the lines that tell of a container's members, by the container's key."""
    found: dict[str, list[str]] = {key: [] for key in plan.containers}
    for key in manifest.entries if found else ():
        if (container := container_of(key, found.keys())) is not None:
            found[container].append(key)
    return found
