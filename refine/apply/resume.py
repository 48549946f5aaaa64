"""What of an earlier run still stands, decided by hashes."""

import os
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePosixPath

from refine.apply.containers import container_of
from refine.apply.files import file_sha256, in_order
from refine.apply.manifest import LEFT_OUT, Entry, Manifest, as_listed
from refine.apply.plan import Plan


def drop_stale(plan: Plan, manifest: Manifest, output: Path) -> None:
    """Forget files that the input no longer has, or has as another kind, and remove what was made of them.

    A file that is no longer what the manifest says is left where it is: it is not ours. What lies in a folder
    that could not be read may well be there still, and is left too. Folders that this leaves empty go, unless the
    input has them: a file may stand there now.
    """
    kinds = plan.keys()
    hidden = {entry["key"] for entry in plan.failures if entry["kind"] == "carried"}
    around = hidden | {container.key for container in plan.containers}  # their members' lines go with them
    stale = [
        entry
        for key, entry in manifest.entries.items()
        if kinds.get(key) != entry["kind"] and not any(str(above) in around for above in PurePosixPath(key).parents)
    ]
    for entry in stale:
        path = output / entry["key"]
        if as_listed(entry, path) and path.parent.resolve().is_relative_to(output):
            path.unlink()
            _remove_emptied(path.parent, output, {output / folder for folder in plan.folders})
    for key in kinds.keys() - hidden:
        _make_way(output / key)
    manifest.drop(entry["key"] for entry in stale)


def _remove_emptied(folder: Path, output: Path, wanted: set[Path]) -> None:
    with suppress(OSError):  # it is not empty
        while folder != output and folder not in wanted and folder.resolve() == folder:
            folder.rmdir()
            folder = folder.parent


def _make_way(final: Path) -> None:
    """Remove a folder that holds nothing but folders from where a file or a link shall stand."""
    if final.is_symlink() or not final.is_dir():
        return
    for place, _, _ in os.walk(final, topdown=False):
        with suppress(OSError):  # it is not empty
            Path(place).rmdir()


def standing(plan: Plan, manifest: Manifest, source: Path, output: Path, workers: int) -> set[str]:
    """Keys that are done: input and output both have the hash that the manifest gives.

    Args:
        plan: All that is to be done.
        manifest: What was done.
        source: The dataset.
        output: The refined dataset.
        workers: Threads that hash.
    """
    done: set[str] = set()
    targets = {link.key: link.text for link in plan.links}
    within = lines_within(plan, manifest)
    with ThreadPoolExecutor(workers, "refine-hash") as pool:

        def check(entry: Entry) -> tuple[str, bool]:
            key = entry["key"]
            if entry["status"] == LEFT_OUT:
                return key, _is_still_out(entry, source / key, output / key)
            if not as_listed(entry, output / key):
                return key, False
            if entry["kind"] == "link":
                return key, entry["target"] == targets.get(key)
            if entry["kind"] == "container" and not _is_whole(entry, within.get(key, [])):
                return key, False
            before = entry["sha256"] if entry["kind"] == "carried" else entry["input_sha256"]
            return key, file_sha256(source / key) == before

        for key, stands in in_order(pool, check, _listed(plan, manifest), ahead=256):
            if stands:
                done.add(key)
    return done


def _is_still_out(entry: Entry, before: Path, after: Path) -> bool:
    """Whether a file that was left out is the same in the input, and not in the output. Links are decided anew."""
    digest = entry.get("sha256") if entry["kind"] == "carried" else entry.get("input_sha256")
    return not os.path.lexists(after) and digest is not None and file_sha256(before) == digest


def _is_whole(entry: Entry, within: list[str]) -> bool:
    """Whether a container's line and those of its members stand together: a damaged manifest may have lost some."""
    return isinstance(entry["images"], int) and entry["left_out"] == len(within)


def _listed(plan: Plan, manifest: Manifest) -> Iterator[Entry]:
    keys = [image.key for image in plan.images] + [container.key for container in plan.containers]
    keys += plan.carried + [link.key for link in plan.links]
    return (manifest.entries[key] for key in keys if key in manifest.entries)


def lines_within(plan: Plan, manifest: Manifest) -> dict[str, list[str]]:
    """Keys of the lines that tell of a container's members, by the container's key."""
    found: dict[str, list[str]] = defaultdict(list)
    containers = {container.key for container in plan.containers}
    for key in manifest.entries if containers else ():
        if (container := container_of(key, containers)) is not None:
            found[container].append(key)
    return found
