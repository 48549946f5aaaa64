"""A fuzzer: mutates datasets, options and models of every kind, and runs the command line on them in limited workers.
The list of hostile checkpoints is run as well, within the same limits.

`make fuzz SEED=n` runs all; `make fuzz SEED=n ONLY=k` repeats one, and prints all of it. Exit code 1 if anything is
counted. Everything is imported once, and each case runs in a process that is forked for it: no thread may run before.
"""

import argparse
import json
import os
import pkgutil
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

WORKERS = 2
HANG = 20.0
"""Seconds that one command may take where each core has one process to run; more where it has more."""
MOST = 2000.0
"""Megabytes that a process may hold."""
BEYOND_SECONDS, BEYOND_MEGABYTES = 2.0, 500.0
"""What a hostile model may take beyond what the good one of the same form takes."""
MODELS = frozenset({"translator", "task"})


class Outcome(NamedTuple):
    """How a case ended."""

    case: Any
    done: list[str]
    ended: list[dict[str, Any]]
    faults: list[dict[str, str]]
    place: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, and print what was counted."""
    parser = argparse.ArgumentParser(
        description="Mutates datasets, options and models, and runs the command line on them."
    )
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument("--count", type=int, default=2400, help="mutated cases (default: 2400)")
    parser.add_argument(
        "--only", type=int, nargs="+", help="repeat the cases of these numbers alone, and print all of them"
    )
    parser.add_argument("--subject", default="", help="only subjects whose name or kind holds this")
    given = parser.parse_args(arguments)
    import_all()
    from tests.fuzz.cases import HOSTILE, Case, case
    from tests.fuzz.subjects import prepare, subjects

    every = subjects()
    start = time.monotonic()
    base = Path(tempfile.mkdtemp(prefix="refine-fuzz-"))
    try:
        numbers = given.only or [*range(-1 - len(HOSTILE), -1), *range(given.count)]
        cases = [case(given.seed, number, every) for number in numbers]
        cases = [each for each in cases if given.subject in f"{each.subject.kind} {each.subject.name}"]
        wanted = {each.subject.name for each in cases}
        prepared = base / "subjects"
        prepared.mkdir()
        in_child(lambda: prepare(prepared, [each for each in every if each.name in wanted]), base / "prepare.txt")
        whole = [Case(-1, subject, given.seed, mutated=False) for subject in every if subject.name in wanted]
        good = list(outcomes(whole, prepared, base / "whole"))
        limits = limits_of(good)
        found = [*good, *progressing(outcomes(cases, prepared, base / "cases"), len(cases))]
        judged = [beyond(outcome, limits) for outcome in found]
        judged = confirmed(judged, prepared, base / "again", limits)
        for outcome in judged[len(good) :] if given.only else []:
            show(outcome)
        print(f"seed {given.seed}: {len(cases)} cases in {time.monotonic() - start:.0f} s")
        return tell(judged, given.seed)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def import_all() -> None:
    """Import the package, and what its commands import when they run, in one thread."""
    os.environ |= {"OMP_NUM_THREADS": "1", "TERM": "dumb", "MPLBACKEND": "agg"}
    import torch

    import refine

    torch.set_num_threads(1)
    for module in pkgutil.walk_packages(refine.__path__, "refine."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    for name in ("h5py", "av", "pycocotools.mask", "scipy.io", "scipy.stats", "lightning.pytorch", "PIL.Image"):
        import_module(name)
    from PIL import Image

    Image.init()
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        raise SystemExit("an import has started a thread: a fork could take a lock that nobody opens again")


def in_child(work: Callable[[], object], log: Path) -> None:
    """Do something in a process of its own, so that no thread of it stays here."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            with log.open("w") as file:
                for descriptor in (1, 2):
                    os.dup2(file.fileno(), descriptor)
                work()
                code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    if os.waitpid(process, 0)[1] != 0:
        raise SystemExit(f"what is to be mutated could not be made: {log.read_text()}")


def outcomes(cases: Iterable[Any], prepared: Path, places: Path) -> Iterator[Outcome]:
    """Run cases, some at once, each in a process of its own; in the order in which they end."""
    waiting = list(reversed(list(cases)))
    running: dict[int, tuple[Any, Path, Watch]] = {}
    while waiting or running:
        while waiting and len(running) < WORKERS:
            given = waiting.pop()
            place = places / f"{given.number} {given.subject.name}"
            place.mkdir(parents=True)
            running[start_case(given, prepared, place)] = given, place, Watch(place / "lines")
        for process, (given, place, watch) in list(running.items()):
            ended, code, _ = os.wait4(process, os.WNOHANG)
            if not ended:
                watch.stop_if_beyond(process)
                continue
            del running[process]
            yield outcome(given, place, code, watch.why)
            make_removable(place)
            shutil.rmtree(place, ignore_errors=True)
        time.sleep(0.01)


def start_case(given: Any, prepared: Path, place: Path) -> int:
    """Fork a process that runs one case, and return its number."""
    process = os.fork()
    if process:
        return process
    try:
        from tests.fuzz.cases import as_line, run_case

        os.setsid()
        for kind, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 4 << 30), (resource.RLIMIT_AS, 16 << 30)):
            resource.setrlimit(kind, (most, most))
        os.environ |= {"REFINE_CACHE": str(place / "cache"), "TMPDIR": str(place / "temporary"), "HOME": str(place)}
        tempfile.tempdir = None
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        with (place.parent / f"{place.name}.lines").open("ab", buffering=0) as lines:
            for value in run_case(given, prepared, place):
                lines.write(as_line(value))
    except BaseException:
        import traceback

        (place.parent / f"{place.name}.broken").write_text(traceback.format_exc())
    finally:
        os._exit(0)


class Watch:
    """Stops a process whose command takes too long or too much.

    Args:
        lines: What the process tells; each new line begins or ends a command.
    """

    def __init__(self, lines: Path) -> None:
        self.lines = lines.parent.parent / f"{lines.parent.name}.lines"
        self.size, self.since, self.why = -1, time.monotonic(), ""

    def stop_if_beyond(self, process: int) -> None:
        """Look at the process now."""
        from tests.fuzz.cases import status

        size = self.lines.stat().st_size if self.lines.is_file() else 0
        if size != self.size:
            self.size, self.since = size, time.monotonic()
        try:
            memory = status("VmRSS", process)
        except OSError:  # it has just ended
            return
        share = min(3.0, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))
        if time.monotonic() - self.since > HANG * share:
            self.why = "hang"
        elif memory > MOST:
            self.why = "memory"
        if self.why:
            os.killpg(process, signal.SIGKILL)


def outcome(given: Any, place: Path, code: int, why: str) -> Outcome:
    """Put together what a process told before it ended."""
    told, broken = place.parent / f"{place.name}.lines", place.parent / f"{place.name}.broken"
    lines = [json.loads(line) for line in told.read_bytes().splitlines()] if told.is_file() else []
    done = [text for line in lines for text in line.get("done", [])]
    ended = [line["ended"] for line in lines if "ended" in line]
    faults = [fault for line in lines for fault in line.get("faults", [])]
    last = next((line["begins"] for line in reversed(lines) if "begins" in line), ["nothing"])
    if why:
        faults.append({"kind": why, "text": f"stopped in: {' '.join(last)}"})
    elif code != 0:
        faults.append({"kind": "crash", "text": f"signal {code & 127} in: {' '.join(last)}"})
    if broken.is_file():
        faults.append({"kind": "fuzzer", "text": broken.read_text()})
    for path in (told, broken):
        path.unlink(missing_ok=True)
    return Outcome(given, done, ended, faults, place)


def make_removable(place: Path) -> None:
    """Take the locks off folders."""
    for folder, _, _ in os.walk(place):
        Path(folder).chmod(0o700)


Limits = dict[tuple[str, str], tuple[float, float]]


def limits_of(good: Sequence[Outcome]) -> Limits:
    """Seconds and megabytes that each command may take on each kind of model, from the good ones."""
    return {
        (outcome.case.subject.name, ran["arguments"][0]): (
            ran["seconds"] + BEYOND_SECONDS,
            ran["megabytes"] + BEYOND_MEGABYTES,
        )
        for outcome in good
        if outcome.case.subject.kind in MODELS
        for ran in outcome.ended
    }


def beyond(outcome: Outcome, limits: Limits) -> Outcome:
    """Count commands that took more than they may on a hostile model."""
    faults = list(outcome.faults)
    for ran in outcome.ended:
        name = outcome.case.subject.name, ran["arguments"][0]
        seconds, megabytes = limits.get(name, (HANG, MOST))
        if ran["seconds"] > seconds:
            faults.append({"kind": "slow", "text": f"{name[1]} took {ran['seconds']:.1f} s, {seconds:.1f} at most"})
        if ran["megabytes"] > megabytes:
            faults.append(
                {"kind": "memory", "text": f"{name[1]} took {ran['megabytes']:.0f} MB, {megabytes:.0f} at most"}
            )
    return outcome._replace(faults=faults)


def confirmed(found: Sequence[Outcome], prepared: Path, places: Path, limits: Limits) -> list[Outcome]:
    """Run again what was only slow: other programs of the machine may have been in its way."""
    kept: list[Outcome] = []
    for outcome in found:
        if outcome.faults and all(fault["kind"] in {"slow", "hang"} for fault in outcome.faults):
            again = next(iter(outcomes([outcome.case], prepared, places / str(len(kept)))))
            outcome = beyond(again, limits)
        kept.append(outcome)
    return kept


def progressing(found: Iterator[Outcome], count: int) -> Iterator[Outcome]:
    """Count, and name faults, on standard error. A progress bar of rich's runs in a thread, which no fork may meet."""
    faults = 0
    for number, outcome in enumerate(found, start=1):
        faults += bool(outcome.faults)
        for fault in outcome.faults:
            print(f"{outcome.case.number} {fault['kind']}: {fault['text'].splitlines()[-1][:200]}", file=sys.stderr)
        if sys.stderr.isatty() or number % 200 == 0:
            end = "\r" if sys.stderr.isatty() else "\n"
            print(f"{number} of {count} cases, {faults} with a fault", end=end, file=sys.stderr, flush=True)
        yield outcome


def tell(found: Sequence[Outcome], seed: int) -> int:
    """Print how commands ended, and what was counted; 1 if anything was."""
    codes: dict[str, Counter[int]] = defaultdict(Counter)
    for outcome in found:
        for ran in outcome.ended if outcome.case.mutated else []:
            codes[f"{outcome.case.subject.kind:<10} {ran['arguments'][0]}"][ran["code"]] += 1
    for name, counts in sorted(codes.items()):
        print(f"  {name:<26} " + "  ".join(f"exit {code}: {count}" for code, count in sorted(counts.items())))
    for kind in sorted(MODELS):
        runs = [ran for outcome in found if outcome.case.subject.kind == kind for ran in outcome.ended]
        if runs:
            most = max(ran["seconds"] for ran in runs), max(ran["megabytes"] for ran in runs)
            print(f"  {kind}: {most[0]:.1f} s and {most[1]:.0f} MB at most for one command")
    counted = Counter(fault["kind"] for outcome in found for fault in outcome.faults)
    for outcome in found:
        for fault in outcome.faults:
            print(
                f"{fault['kind']}: {outcome.case.subject.name}: {'; '.join(outcome.done) or 'nothing was done to it'}"
            )
            print(f"    {fault['text'][-1500:]}")
        if outcome.faults and outcome.case.mutated:
            print(f"    repeat it: make fuzz SEED={seed} ONLY={outcome.case.number}")
    print(f"counted: {', '.join(f'{count} {kind}' for kind, count in counted.most_common()) or 'nothing'}")
    return 1 if counted else 0


def show(outcome: Outcome) -> None:
    """All of one case."""
    print(f"{outcome.case.subject.kind} {outcome.case.subject.name}: {'; '.join(outcome.done)}")
    for ran in outcome.ended:
        print(f"$ refine {' '.join(ran['arguments'])}")
        print(f"{ran['out'][-3000:]}{ran['err'][-3000:]}", end="")
        print(f"exit {ran['code']}, {ran['seconds']:.2f} s, {ran['megabytes']:.0f} MB")


if __name__ == "__main__":
    sys.exit(main())
