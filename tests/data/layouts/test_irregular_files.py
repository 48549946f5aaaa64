"""Files of a dataset that are no regular files: links to endless devices, named pipes, folders, links in a circle."""

import json
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from refine.data.layouts.base import Layout
from refine.data.open_layout import choose_layout, open_layout
from refine.errors import InputError
from tests.inspect.test_command import writers

SECONDS, MEMORY = 60, 1 << 30
"""For one example with all its files replaced in turn."""


def zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


KINDS: dict[str, Callable[[Path], None]] = {"zero": zero, "fifo": os.mkfifo, "folder": Path.mkdir, "loop": loop}


def spoken(layout: str, root: Path) -> list[str]:
    """Everything that a dataset says when all of it is read."""
    try:
        opened: Layout = open_layout(layout, root)
    except InputError as error:
        return [str(error)]
    return [*opened.faults, *read_through(opened)]


def read_through(opened: Layout) -> Iterator[str]:
    asks: list[Callable[..., object]] = [opened.size, opened.annotation, lambda record: opened.image(record, 3)]
    for record in opened.records():
        for ask in asks:
            try:
                ask(record)
            except InputError as error:
                yield str(error)


def put(path: Path, kind: str | None, content: bytes = b"") -> None:
    """Replace whatever stands there by an irregular file, or by one with this content."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    KINDS[kind](path) if kind else path.write_bytes(content)


def replaced_in_turn(root: Path) -> Iterator[tuple[str, str, list[str]]]:
    """What is missing in the messages, for each file and kind."""
    base = root if root.is_dir() else root.parent
    layout = choose_layout(root).layout.name
    whole = spoken(layout, root)
    seen: set[tuple[str, str]] = set()
    for path in sorted(base.rglob("*")):
        if not path.is_file() or (path.parent.name, path.suffix) in seen:
            continue
        seen.add((path.parent.name, path.suffix))  # one of each kind in each folder
        content = path.read_bytes()
        put(path, None, b"\x00\xff{garbage")
        is_read = spoken(layout, root) != whole
        for kind in KINDS:
            put(path, kind)
            for asked in (layout, "auto") if kind == "fifo" else (layout,):
                messages = spoken(asked, root)
                named = any(path.name in message for message in messages)
                if is_read and not named and kind != "folder":  # which is a missing file, as others test
                    yield f"{path.relative_to(base)} as {kind}", asked, messages[:2]
        put(path, None, content)
    assert spoken(layout, root) == whole


def in_limits(write: Callable[[Path], Path], folder: Path) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    signal.alarm(SECONDS)
    answers = list(replaced_in_turn(write(folder / "set")))
    (folder / "answers.json").write_text(json.dumps(answers))


@pytest.mark.parametrize("write", writers(), ids=lambda write: str(write.__name__))
def test_every_layout_names_what_is_no_regular_file_and_opens_none(
    write: Callable[[Path], Path], tmp_path: Path
) -> None:
    child = multiprocessing.get_context("fork").Process(target=in_limits, args=(write, tmp_path), daemon=True)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert json.loads((tmp_path / "answers.json").read_text()) == []
