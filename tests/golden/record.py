"""Records what the command line of a tree says, writes and returns."""

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from tests.golden.commands import Command, commands_of
from tests.golden.digest import Digests

LIMIT = 200
"""Seconds of processor time that a command may take: only one that hangs, or is not refused, takes more."""
PLAYER = Path(__file__).parent / "play.py"


class Entry(TypedDict):
    """How one command ended."""

    command: str
    code: int
    output: str
    """Standard output, without what differs from run to run."""
    errors: str
    """Standard error, likewise."""
    files: dict[str, str]
    """Content of each file that it wrote or changed, as `Digests` has it; "gone" if it deleted it."""


class Player(NamedTuple):
    """A process that has imported a tree's package and runs its command lines in a folder."""

    process: subprocess.Popen[str]
    work: Path
    log: Path

    def play(self, args: Sequence[str], die_at: tuple[str, int] | None = None) -> tuple[int, float]:
        """Run a command line; its exit code, and the seconds of processor time that it took."""
        assert self.process.stdin is not None
        task = {"args": args, "cwd": str(self.work), "log": str(self.log), "limit": LIMIT, "die_at": die_at}
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        answer = self.answer()
        return int(answer["code"]), float(answer["seconds"])

    def answer(self) -> dict[str, Any]:
        """The next line of the process.

        Raises:
            SystemExit: If it has ended.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the tree cannot be run: {self.log.with_suffix('.player').read_text()[-2000:]}")
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def player(tree: Path, base: Path) -> Iterator[Player]:
    """Start the player of a tree.

    Args:
        tree: Holds the package `refine` and its recipes.
        base: A folder for all that it writes; commands run in ``work`` there.
    """
    for name in ("work", "home", "temporary"):
        (base / name).mkdir(exist_ok=True)
    folders = {"HOME": "home", "REFINE_CACHE": "home/cache", "TMPDIR": "temporary", "MPLCONFIGDIR": "../../fonts"}
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tree), "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
    environment |= {"TERM": "dumb", "COLUMNS": "100", "LANG": "C.UTF-8", "MPLBACKEND": "agg", "PYTHONSAFEPATH": "1"}
    environment |= {name: str(base / place) for name, place in folders.items()}
    log = base / "log"
    with log.with_suffix(".player").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, str(PLAYER), str(tree)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env=environment,
        )
    with process:
        found = Player(process, base / "work", log)
        found.answer()
        try:
            yield found
        finally:
            process.kill()


def record(tree: Path, base: Path, examples: Path, group: str) -> dict[str, Entry]:
    """Run the commands of a group with a tree.

    Args:
        tree: Holds the package and its recipes.
        base: A folder for all that is written.
        examples: What the commands read; they get a copy.
        group: Name of the group.
    """
    run = base / "run"
    shutil.copytree(examples, run / "work", symlinks=True)
    digests, found = Digests(places(run, tree)), {}
    with player(tree, run) as running:
        for command in commands_of(group, running.work):
            found[command.name] = _entry(running, command, digests)
            if len(found) % 25 == 0:
                print(f"  {base.name}: {group}: {len(found)} commands", file=sys.stderr, flush=True)
    shutil.rmtree(run)
    return found


def places(run: Path, tree: Path) -> dict[str, str]:
    """Name that stands for each path in texts."""
    found = {str(run / "work"): "WORK", str(tree): "TREE", str(run): "RUN", sys.executable: "PYTHON"}
    return {**found, sys.prefix: "VENV"}


def _entry(running: Player, command: Command, digests: Digests) -> Entry:
    if command.before:
        verb, key = command.before
        (running.work / key).unlink() if verb == "remove" else (running.work / key).write_bytes(b"another image")
    before = snapshot(running.work)
    code, _ = running.play(command.args)
    after = snapshot(running.work)
    files = dict.fromkeys(before.keys() - after.keys(), "gone")
    files |= read_files(running.work, sorted(key for key, state in after.items() if before.get(key) != state), digests)
    said = [running.log.with_suffix(f".{which}").read_text("utf-8", "replace") for which in ("out", "err")]
    output, errors = (digests.text(text) for text in said)
    if command.loose:
        output, errors, files = "", "", dict.fromkeys(files, "not compared")
    line = shlex.join(["refine", *command.args])
    return {"command": line, "code": code, "output": output, "errors": errors, "files": files}


def read_files(work: Path, keys: Sequence[str], digests: Digests) -> dict[str, str]:
    """The content of files; names of TensorBoard's without the time and the process in them."""
    found: dict[str, str] = {}
    for key in sorted(keys, key=lambda key: (not key.endswith(".ckpt"), key)):  # their hashes stand in other files
        name = re.sub(r"(?<=tfevents)\.[\w.-]+$", "", key)
        while name in found:
            name += "+"
        path = work / key
        if path.is_symlink() or path.is_dir():
            found[name] = f"link to {path.readlink()}" if path.is_symlink() else "folder"
        else:
            found[name] = digests.file(path, key)
    return found


def snapshot(root: Path) -> dict[str, tuple[int, ...]]:
    """Signs by which a file has changed, for each file and link below a folder; folders end in ``/``."""
    found: dict[str, tuple[int, ...]] = {}
    for place, folders, files in os.walk(root):
        for path in (Path(place, name) for name in folders + files):
            about, key = path.lstat(), path.relative_to(root).as_posix()
            if stat.S_ISDIR(about.st_mode):
                found[f"{key}/"] = ()
            else:
                found[key] = about.st_ino, about.st_size, about.st_mtime_ns
    return found


def copy_tree(source: Path, target: Path) -> Path:
    """Copy what a command needs of a checkout, so that nobody's edits meet a run under way."""
    target.mkdir(parents=True)
    shutil.copy2(source / "pyproject.toml", target)
    for name in ("refine", "models", "datasets"):
        shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("__pycache__", "carla-camvid"))
    return target
