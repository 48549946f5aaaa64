"""One case: a subject, what is done to it, and the commands that then run; a function of a seed and a number."""

import contextlib
import io
import json
import os
import shutil
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from refine import cli
from tests.fuzz.judge import Fault, Ran, judge, judge_labels, snapshot
from tests.fuzz.models import change_bundle, change_checkpoint
from tests.fuzz.subjects import GOOD, Facts, Subject, facts_of
from tests.fuzz.trees import LARGE, mutate_tree
from tests.hostile_checkpoints import hostile_checkpoints

HOSTILE = dict(hostile_checkpoints())


class Case(NamedTuple):
    """A number, and whether its subject is mutated: where it is not, the commands must accept it."""

    number: int
    subject: Subject
    seed: int
    mutated: bool = True
    hostile: str = ""
    """Name in `HOSTILE` of what stands in the model's place; nothing else is done to it."""


class Command(NamedTuple):
    """A command line, and the folder or file that it may write."""

    arguments: list[str]
    output: str = ""


def case(seed: int, number: int, subjects: Sequence[Subject]) -> Case:
    """Subjects take turns, so that each gets its share; numbers below -1 are those of `HOSTILE`, whatever the seed."""
    if number < -1:
        checkpoint = next(subject for subject in subjects if subject.name == "simgan.ckpt")
        return Case(number, checkpoint, seed, hostile=list(HOSTILE)[-2 - number])
    return Case(number, subjects[number % len(subjects)], seed)


def run_case(given: Case, base: Path, place: Path) -> Iterator[dict[str, Any]]:
    """Make a copy of the subject below ``place``, mutate it, run its commands there.

    Args:
        given: Which.
        base: Where `prepare` has written all subjects.
        place: An empty folder, below which all that happens is watched.

    Yields:
        What was done; then for each command what begins, and how it ended.
    """
    rng = Random(f"{given.seed} {given.number}")  # a text's seed is the same everywhere
    box = place / "box"
    shutil.copytree(base / given.subject.name, box)
    (place / "canary").mkdir()
    (place / "canary/kept.txt").write_text("kept\n")
    (place / "canary/kept.h5").write_bytes(b"kept")
    for name in ("temporary", "cache"):
        (place / name).mkdir()
    facts = facts_of(box)
    images = {box / "in" / key for key in facts.images}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what no user of torch should do
        if given.hostile:
            done = _replace(box, HOSTILE[given.hostile], given.hostile)
        else:
            done = _mutate(given.subject.kind, box, rng, images) if given.mutated else []
    yield {"done": done}
    for command in _commands(given, facts, base, box, rng):
        yield {"begins": command.arguments}
        output = box / command.output if command.output else box / "no output"
        without = frozenset({f"box/{command.output}", "cache"})
        before, is_new = snapshot(place, without), not os.path.lexists(output)
        with contextlib.chdir(box):
            ran = _run(command.arguments)
        faults = judge(ran, before, snapshot(place, without), output, is_new)
        if ran.arguments[0] == "apply" and ran.code in {0, 1, 3} and given.subject.kind in {"dataset", "options"}:
            faults += judge_labels(box / "in", output, images, ran)
        if given.hostile and ran.code != 2:
            faults.append(Fault("accepted", f"what every command refuses: {ran.out[-300:]!r}"))
        if not given.mutated and ran.code not in {0, 1} and ran.arguments[0] != "tune-strength":
            faults.append(Fault("refused", f"what is good: {ran.err[:300]!r}"))
        yield {"ended": ran._asdict(), "faults": [fault._asdict() for fault in faults]}


TEXTS = {
    "options": ("options.yaml", "table.csv"),
    "mapping": ("mapping.yaml",),
    "parameters": ("parameters.yaml",),
    "recipe": ("recipe.yaml",),
}
"""The files that are mutated where it is not the dataset."""


AUDIT = ("audit.json", "audit.jsonl", "judges.json", "labels.npz")
"""What `apply --audit` reads, but for the judges' weights."""


def _mutate(kind: str, box: Path, rng: Random, images: set[Path]) -> list[str]:
    """One to three things, all to the same subject."""
    done = []
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3])):
        if kind == "dataset":
            done.append(mutate_tree(box / "in", rng, images))
        elif kind in TEXTS:
            done.append(mutate_tree(box, rng, set(), (*TEXTS[kind],)))
        elif kind == "refined":
            ours = rng.random() < 0.6
            done.append(
                mutate_tree(box / "out", rng, set(), ("refine-manifest.jsonl", "refine-run.json") if ours else ())
            )
        elif kind == "audited":
            done.append(mutate_tree(box / "audit", rng, set(), AUDIT if rng.random() < 0.8 else ()))
        elif (box / "model").is_dir():
            done.append(change_bundle(box / "model", rng))
        else:
            done.append(change_checkpoint(box / "model.ckpt", rng))
    return done


def _replace(box: Path, write: Callable[[Path], Path], name: str) -> list[str]:
    """Put a hostile file or bundle in the place of the model."""
    (box / "made").mkdir()
    made = write(box / "made")
    (box / "model.ckpt").unlink()
    made.rename(box / ("model" if made.is_dir() else "model.ckpt"))
    return [f"replaced: {name}"]


def _commands(given: Case, facts: Facts, base: Path, box: Path, rng: Random) -> Iterator[Command]:
    good, kind = str(base / GOOD), given.subject.kind
    if kind in {"dataset", "options"}:
        layout = facts.layout if rng.random() < 0.7 else "auto"
        yield Command(["inspect", facts.root, "--layout", layout, *(["--json"] if rng.random() < 0.2 else [])])
        if any(path.is_file() and path.stat().st_size >= LARGE for path in _regular(box / "in")):
            return  # all of it would be copied
        check = ["--check-labels"] if facts.labeled and facts.root == "in" else []
        apply = ["apply", "--checkpoint", good, "--input", "in", "--output", "out", "--layout", layout, *check]
        if facts.writable or (given.mutated and rng.random() < 0.2):
            yield Command(apply if facts.root == "in" else [*apply[:-1], "images"], "out")
        if (box / "out").is_dir():
            yield Command(["verify", "out"])
    elif kind == "mapping":
        yield Command(["inspect", "in", "--real", "in", "--mapping", "mapping.yaml"])
    elif kind == "parameters":
        yield Command(["render", "digits", "--count", "2", "--parameters", "parameters.yaml", "--output", "new"], "new")
    elif kind == "recipe":
        quiet = ["--trainer.fast-dev-run", "true", "--trainer.accelerator", "cpu", "--trainer.default-root-dir", "run"]
        yield Command(["fit", "-c", "recipe.yaml", *quiet], "run")
    elif kind == "refined":
        yield Command(["verify", "out"])
        yield Command(["apply", "--checkpoint", good, "--input", "in", "--output", "out"], "out")
        yield Command(["verify", "out"])
    elif kind == "audited":
        again = ["apply", "--checkpoint", good, "--input", "in", "--output", "new", "--audit", "audit"]
        yield Command(again, "new")
        yield Command(["audit", "--output", "audit", "--sample", "2"], "audit")
    else:
        model = "model" if (box / "model").is_dir() else "model.ckpt"
        yield Command(["export", "--checkpoint", model, "--output", "exported"], "exported")
        sides = ["--synthetic", "in", "--real", "real"]
        if kind == "translator":
            yield Command(["apply", "--checkpoint", model, "--input", "in", "--output", "out"], "out")
            return
        which = rng.random()  # of a good one all, so that there is a limit for each
        if which < 0.5 or not given.mutated:
            yield Command(["evaluate", *sides, "--refined", "in", "--features", model, "--output", "e.json"], "e.json")
        if which >= 0.5 or not given.mutated:
            both = ["--checkpoint", good, "--judge", model]
            yield Command(["tune-strength", *both, *sides, "--count", "4", "--output", "tuned"], "tuned")


def _regular(root: Path) -> Iterator[Path]:
    return (
        Path(place, name) for place, _, names in os.walk(root) for name in names if not Path(place, name).is_symlink()
    )


def _run(arguments: list[str]) -> Ran:
    """Run a command line with its output in files, and measure its time and its peak of memory."""
    out, err = Path("../out.txt"), Path("../err.txt")
    for descriptor, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
    sys.stdout = io.TextIOWrapper(os.fdopen(os.dup(1), "wb"), encoding="utf-8")
    sys.stderr = io.TextIOWrapper(
        os.fdopen(os.dup(2), "wb"), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    start, before = time.process_time(), status("VmRSS")
    try:
        code = cli.main(arguments)
    except BaseException:
        traceback.print_exc()
        code = -1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    seconds, megabytes = time.process_time() - start, status("VmHWM") - before
    said, error = (path.read_text(encoding="utf-8", errors="replace") for path in (out, err))
    for path in (out, err):
        path.unlink()
    return Ran(arguments, code, said, error, seconds, megabytes)


def status(name: str, process: int | str = "self") -> float:
    """A number of a process's memory, in megabytes."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1000
    return 0.0


def as_line(value: dict[str, Any]) -> bytes:
    """One line for the parent."""
    return json.dumps(value).encode() + b"\n"
