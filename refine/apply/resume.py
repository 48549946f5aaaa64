"""What of an earlier run still stands, decided by hashes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from refine.apply.files import file_sha256, in_order
from refine.apply.manifest import Entry, Manifest, as_listed
from refine.apply.plan import Plan


def drop_stale(plan: Plan, manifest: Manifest, output: Path) -> None:
    """Forget files that the input no longer has, or has as another kind, and remove what was made of them.

    A file that is no longer what the manifest says is left where it is: it is not ours. What lies in a folder
    that could not be read may well be there still, and is left too.
    """
    kinds = plan.keys()
    hidden = {entry["key"] for entry in plan.failures if entry["kind"] == "carried"}
    stale = [
        entry
        for key, entry in manifest.entries.items()
        if kinds.get(key) != entry["kind"] and not any(str(above) in hidden for above in PurePosixPath(key).parents)
    ]
    for entry in stale:
        path = output / entry["key"]
        if as_listed(entry, path) and path.parent.resolve().is_relative_to(output):
            path.unlink()
    manifest.drop(entry["key"] for entry in stale)


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
    with ThreadPoolExecutor(workers, "refine-hash") as pool:

        def check(entry: Entry) -> tuple[str, bool]:
            key = entry["key"]
            if not as_listed(entry, output / key):
                return key, False
            if entry["kind"] == "link":
                return key, entry["target"] == targets.get(key)
            before = entry["input_sha256"] if entry["kind"] == "image" else entry["sha256"]
            return key, file_sha256(source / key) == before

        for key, stands in in_order(pool, check, _listed(plan, manifest), ahead=256):
            if stands:
                done.add(key)
    return done


def _listed(plan: Plan, manifest: Manifest) -> Iterator[Entry]:
    keys = [image.key for image in plan.images] + plan.carried + [link.key for link in plan.links]
    return (manifest.entries[key] for key in keys if key in manifest.entries)
