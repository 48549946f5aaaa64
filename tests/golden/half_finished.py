"""Work that one tree begins and that is killed halfway, finished by another tree."""

import shutil
from pathlib import Path
from typing import NamedTuple

from tests.golden.commands import filled
from tests.golden.compare import Difference, first_difference, paired
from tests.golden.digest import Digests
from tests.golden.record import places, player, read_files, snapshot

SIDES = "--synthetic lights/synthetic --refined lights/synthetic"
BENCHMARKED = "--synthetic lights/synthetic --refined same=lights/synthetic --real lights/real"
FIT = "{fit-lights} --trainer.default_root_dir half --run fit --steps 6 --checkpoint_every 2 --resume"


class Case(NamedTuple):
    """A command, and the call of the operating system at which it is killed."""

    name: str
    line: str
    die_at: tuple[str, int]


CASES = (
    Case("apply", "apply --checkpoint models/cut --input many --output half/apply", ("fsync", 150)),
    Case("apply to shards", "apply --checkpoint models/cut --input shards --output half/shards", ("fsync", 6)),
    Case("fit", filled(FIT), ("replace", 5)),
    Case("audit", f"audit {SIDES} --output half/audit --folds 2 --steps 3 --networks small-cnn", ("replace", 3)),
    Case("benchmark", f"benchmark {BENCHMARKED} --steps 2 --output half/benchmark", ("replace", 4)),
)
SKIPPED = ("config.yaml", "tfevents", "hparams.yaml")
"""Files of a run that goes on that are not those of one that did not stop."""


def finish_half(old: Path, new: Path, base: Path, examples: Path) -> tuple[list[str], list[Difference]]:
    """Run each case whole with the new tree; then begin it with the old one, and finish it with the new one.

    Args:
        old: The tree that begins.
        new: The tree that finishes.
        base: A folder for all that is written.
        examples: What the commands read.

    Returns:
        A line on each case, and what differs from the whole results.
    """
    runs = {name: base / name / "run" for name in ("whole", "began")}
    for run in runs.values():
        shutil.copytree(examples, run / "work", symlinks=True)
    ended: dict[str, list[int]] = {}
    errors: dict[str, str] = {}
    with player(old, runs["began"]) as begins:
        for case in CASES:
            ended[case.name] = [begins.play(case.line.split(), case.die_at)[0]]
    with player(new, runs["began"]) as finishes, player(new, runs["whole"]) as whole:
        for case in CASES:
            ended[case.name] += [each.play(case.line.split())[0] for each in (finishes, whole)]
            errors[case.name] = finishes.log.with_suffix(".err").read_text()
    files = {name: _results(run, new) for name, run in runs.items()}
    lines, found = [], []
    for case in CASES:
        began, finished, expected = ended[case.name]
        folder = f"half/{case.name.split()[-1]}/"
        pairs = paired(*({k: v for k, v in files[name].items() if k.startswith(folder)} for name in ("whole", "began")))
        differ = [
            Difference("half-finished", case.name, f"file {k}", *first_difference(a, b)) for k, a, b in pairs if a != b
        ]
        if began != -9:
            differ = [Difference("half-finished", case.name, "kill", "", f"at {case.die_at}", f"ended with {began}")]
        elif finished == 2 and errors[case.name].count("\n") == 1:
            differ = []
        elif finished != expected:
            differ.append(Difference("half-finished", case.name, "exit code", "", str(expected), str(finished)))
        refused = f"refused: {errors[case.name].strip()}" if finished == 2 else "finished, with the same results"
        lines.append(f"half-finished {case.name}: {'differs' if differ else refused}")
        found += differ
    return lines, found


def _results(run: Path, tree: Path) -> dict[str, str]:
    keys = [
        key for key in snapshot(run / "work") if key.startswith("half/") and not any(name in key for name in SKIPPED)
    ]
    return read_files(run / "work", keys, Digests(places(run, tree)))
