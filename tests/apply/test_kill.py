"""SIGKILL at any moment, and the same command again: the same bytes, and nothing done twice that was safe."""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch

from refine.apply.manifest import read_manifest
from tests.apply.judges import judged, repair
from tests.apply.trees import dataset, noise, one_thread, run, save, tree

Work = Callable[[Path, Path], object]

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.apply.trees"])


def repaired(source: Path, output: Path) -> None:
    """A run after an audit: every fifth image is wrong, and every tenth passes at no strength."""
    keys = [f"images/image_{number:03d}.png" for number in range(0, 40, 5)]
    judge = judged(source, dict.fromkeys(keys, "fail"), {key: ["fail", "pass"] for key in keys[::2]})
    run(source, output, batch_size=4, layout="mask-folders", repair=repair(judge, "leave-out"))


def plain(source: Path, output: Path) -> None:
    run(source, output, batch_size=4)


def in_child(work: Work, source: Path, output: Path, die_at: tuple[str, int] | None) -> None:
    torch.set_num_threads(1)
    if die_at is not None:
        name, count = die_at
        real, calls = getattr(os, name), iter(range(1_000_000))

        def deadly(*args: object) -> object:
            if next(calls) == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args)

        setattr(os, name, deadly)
    work(source, output)


def start(source: Path, output: Path, die_at: tuple[str, int] | None = None, work: Work = plain) -> BaseProcess:
    child = CONTEXT.Process(target=in_child, args=(work, source, output, die_at))
    child.start()
    return child


def finish(source: Path, output: Path, work: Work = plain) -> None:
    """The same command again, in this process; what the manifest listed is not written a second time."""
    done = [key for key, entry in read_manifest(output).entries.items() if entry["status"] == "done"]
    before = {key: (output / key).stat() for key in done if (output / key).exists()}
    work(source, output)
    for key, about in before.items():
        now = (output / key).stat()
        assert (now.st_ino, now.st_mtime_ns) == (about.st_ino, about.st_mtime_ns), key


def killed(source: Path, output: Path, die_at: tuple[str, int], work: Work = plain) -> dict[str, bytes | str]:
    """What the same command leaves after it was killed there once."""
    child = start(source, output, die_at, work)
    child.join()
    assert child.exitcode == -signal.SIGKILL
    finish(source, output, work)
    return tree(output)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dataset(tmp_path_factory.mktemp("kill") / "in", count=80)


@pytest.fixture(scope="module")
def whole(source: Path) -> dict[str, bytes | str]:
    with one_thread():
        run(source, source.parent / "whole", batch_size=4)
    return tree(source.parent / "whole")


@pytest.mark.parametrize(
    "die_at",
    [
        *(("fsync", 0), ("fsync", 130), ("replace", 50)),
        *(pytest.param(die_at, marks=pytest.mark.slow) for die_at in (("fsync", 20), ("replace", 0), ("replace", 140))),
    ],
)
def test_killed_at_one_call_of_the_system(
    tmp_path: Path, source: Path, whole: dict[str, bytes | str], die_at: tuple[str, int]
) -> None:
    assert killed(source, tmp_path / "out", die_at) == whole


def test_killed_at_random_moments_again_and_again(tmp_path: Path, source: Path, whole: dict[str, bytes | str]) -> None:
    output = tmp_path / "out"
    moments = random.Random(0)
    count = 0
    for _ in range(8):
        child = start(source, output)
        while not output.exists() and child.is_alive():
            time.sleep(0.001)
        time.sleep(moments.uniform(0.0, 0.3))
        child.kill()
        child.join()
        count += child.exitcode == -signal.SIGKILL
    assert count
    finish(source, output)
    assert tree(output) == whole


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repair") / "in"
    for number in range(40):
        for folder in ("images", "masks"):
            pixels = noise(8, 8, 3, number) if folder == "images" else noise(8, 8, 1, number) % 2
            save(root / folder / f"image_{number:03d}.png", pixels)
    (root / "classes.txt").write_text("road\ncar\n")
    return root


@pytest.fixture(scope="module")
def whole_repaired(masks: Path) -> dict[str, bytes | str]:
    with one_thread():
        repaired(masks, masks.parent / "whole")
    assert len(list((masks.parent / "whole").rglob("*.png"))) == 72
    return tree(masks.parent / "whole")


@pytest.mark.parametrize(
    "die_at", [("fsync", 30), ("fsync", 60), ("fsync", 84), ("replace", 45), ("replace", 72), ("replace", 74)]
)
def test_killed_while_an_audit_s_verdicts_are_followed(
    tmp_path: Path, masks: Path, whole_repaired: dict[str, bytes | str], die_at: tuple[str, int]
) -> None:
    assert killed(masks, tmp_path / "out", die_at, repaired) == whole_repaired
