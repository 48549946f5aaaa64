"""Threads and worker processes: their results, and their end with the process that started them, however it ends."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path

import pytest

from refine.interrupts import Interrupted, listening
from refine.workers import in_order, in_processes


def times(content: int, item: int) -> int:
    return content * item


def pid_of(content: Path, item: int) -> int:
    """Of a worker, which is written down, and which the signals of a terminal do not reach."""
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    (content / str(os.getpid())).touch()
    if item > 1:
        time.sleep(60)
    return os.getpid()


def dies(content: int, item: int) -> None:
    os._exit(1)


def test_each_item_comes_with_its_result() -> None:
    assert sorted(in_processes(times, range(5), [3, 3])) == [(item, 3 * item) for item in range(5)]


def test_a_process_that_dies_is_an_error() -> None:
    with pytest.raises(BrokenProcessPool):
        list(in_processes(dies, [1], [1]))


def test_a_stop_ends_the_processes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        with closing(in_processes(pid_of, range(8), [tmp_path, tmp_path])) as found:
            for _ in found:
                signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupted), listening():
        work()
    assert multiprocessing.active_children() == []
    assert capfd.readouterr().err == ""


KILLED = """
import sys
from pathlib import Path
from refine.workers import in_order, in_processes
from tests.test_workers import pid_of
if __name__ == "__main__":
    for _ in in_processes(pid_of, range(8), [Path(sys.argv[1])] * 2):
        pass
"""


def test_the_processes_end_after_their_parent_was_killed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(KILLED)
    (tmp_path / "pids").mkdir()
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen([sys.executable, str(program), str(tmp_path / "pids")], cwd=root, env=environment) as process:
        deadline = time.monotonic() + 60
        while len(found := list((tmp_path / "pids").iterdir())) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()
    while any(is_running(int(path.name)) for path in found):
        assert time.monotonic() < deadline + 30
        time.sleep(0.05)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("cost", [lambda item: 1, lambda item: 7, lambda item: 30])
def test_results_come_in_order_with_few_calls_ahead(cost: Callable[[int], int]) -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        return number

    with ThreadPoolExecutor(4) as pool:
        results = in_order(pool, work, range(50), ahead=3 * cost(0) if cost(0) < 30 else 20, cost=cost)
        assert next(results) == 0
        assert len(begun) <= (3 if cost(0) < 30 else 1)
        assert list(results) == list(range(1, 50))
