"""Holds the command line of this checkout against that of a commit, on this machine.

`python -m tests.golden --against COMMIT`: both run the same commands on the same files, one thread, the same seeds.
Exit code 1 if a message, an exit code or a file differs.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.golden.commands import GROUPS
from tests.golden.compare import Difference, differences, show
from tests.golden.half_finished import finish_half
from tests.golden.record import Entry, copy_tree, record

HERE = Path(__file__).resolve().parents[2]
HALF_FINISHED = "half-finished"
EVERY = (*GROUPS, HALF_FINISHED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Record both, and print what differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("--against", metavar="COMMIT", required=True, help="the commit that is right")
    parser.add_argument("--only", metavar="GROUP", nargs="+", choices=EVERY, help=f"some of: {', '.join(EVERY)}")
    parser.add_argument(
        "--cache", metavar="DIR", type=Path, help="keeps what was recorded, of a commit for the next run"
    )
    parser.add_argument("--half-finished", action="store_true", help="also finish what the commit's code has begun")
    given = parser.parse_args(arguments)
    groups = given.only or [*GROUPS, *[HALF_FINISHED] * given.half_finished]
    base = Path(tempfile.mkdtemp(prefix="refine-record-"))
    try:
        commit = _git("rev-parse", "--verify", f"{given.against}^{{commit}}").decode().strip()
        trees = {"old": unpack(commit, base / "old/tree"), "new": copy_tree(HERE, base / "new/tree")}
        key = make_examples(base / "examples")
        found: list[Difference] = []
        for group in (each for each in groups if each != HALF_FINISHED):
            old = cached(given.cache, f"{commit[:12]}-{key}-{group}") or recorded(trees["old"], base, group)
            new = recorded(trees["new"], base, group)
            keep(given.cache, {f"{commit[:12]}-{key}-{group}": old, f"current-{group}": new})
            found += differences(group, old, new)
        lines: list[str] = []
        if HALF_FINISHED in groups:
            lines, differ = finish_half(trees["old"], trees["new"], base, base / "examples")
            found += differ
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print("\n".join([*lines, show(found)]).strip())
    print(f"{len(found)} differences from {commit[:12]}")
    return 1 if found else 0


def _git(*words: str) -> bytes:
    return subprocess.run(["git", "-C", str(HERE), *words], check=True, stdout=subprocess.PIPE).stdout


def unpack(commit: str, target: Path) -> Path:
    """Write what a commit's commands need of it, without a trace in the repository."""
    target.mkdir(parents=True)
    archive = _git("archive", commit, "pyproject.toml", "refine", "models", "datasets")
    subprocess.run(["tar", "-x", "-C", str(target)], check=True, input=archive)
    return target


def make_examples(folder: Path) -> str:
    """Write what the commands read, with this checkout; a hash of it and of the recorder."""
    environment = {**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "tests.golden.examples", str(folder)], check=True, cwd=HERE, env=environment)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in [*files, *sorted(Path(__file__).parent.glob("*.py"))]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def recorded(tree: Path, base: Path, group: str) -> dict[str, Entry]:
    """Record a group with a tree, and say how long it took."""
    began = time.monotonic()
    found = record(tree, tree.parent, base / "examples", group)
    print(f"{tree.parent.name}: {group}: {len(found)} commands, {time.monotonic() - began:.0f} s", file=sys.stderr)
    return found


def cached(cache: Path | None, name: str) -> dict[str, Entry] | None:
    """Return the record that was made before under this name."""
    if cache is None or not (cache / f"{name}.json").is_file():
        return None
    found: dict[str, Entry] = json.loads((cache / f"{name}.json").read_text())
    return found


def keep(cache: Path | None, records: dict[str, dict[str, Entry]]) -> None:
    """Write records into the cache, if there is one."""
    for name, entries in records.items() if cache else ():
        assert cache is not None
        cache.mkdir(parents=True, exist_ok=True)
        (cache / f"{name}.json").write_text(json.dumps(entries, indent=1))


if __name__ == "__main__":
    sys.exit(main())
