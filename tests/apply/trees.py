"""Datasets on disk for these tests, hostile files among them, and trees as bytes to compare."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from refine.apply.options import ApplyOptions
from refine.apply.repair import Repair
from refine.apply.run import refine_dataset
from refine.apply.verification import ApplySummary
from refine.errors import InputError
from refine.files import MANIFEST
from tests.apply.tiny import tiny


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path: Path, array: NDArray[np.uint8] | NDArray[np.uint16], **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)  # type: ignore[arg-type]  # plain values
    return path


def dataset(root: Path, count: int = 12) -> Path:
    """Images of three sizes in two folders, a text label each, one empty folder."""
    sizes = [(16, 16), (16, 16), (12, 20), (9, 7)]
    for index in range(count):
        path = root / f"part{index % 2}" / f"image_{index:03d}.png"
        save(path, noise(*sizes[index % 4], seed=index))
        path.with_suffix(".txt").write_text(f"label {index}\n")
    (root / "empty").mkdir()
    return root


def run(
    source: Path,
    output: Path,
    amount: float = 0.3,
    channels: int = 3,
    repair: Repair | None = None,
    **flags: object,
) -> ApplySummary:
    return refine_dataset(tiny(channels, amount), f"tiny {amount}", options(source, output, **flags), repair)


def options(source: Path = Path("in"), output: Path = Path("out"), **flags: Any) -> ApplyOptions:
    """Options of a run on the CPU."""
    return ApplyOptions(checkpoint=Path("tiny.ckpt"), input=source, output=output, device="cpu", **flags)


def refused(message: str, source: Path, output: Path, **flags: object) -> None:
    """A run that is refused with this message, and makes and changes nothing."""
    before = tree(output.parent)
    with pytest.raises(InputError, match=message):
        run(source, output, **flags)  # type: ignore[arg-type]  # plain values
    assert tree(output.parent) == before


def full_disk(monkeypatch: pytest.MonkeyPatch, call: str = "fsync", after: int = 0) -> None:
    """Let this function of `os` fail for want of space once it was called so often."""
    real, calls = getattr(os, call), iter(range(10_000))

    def full(*args: object) -> None:
        if next(calls) >= after:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*args)

    monkeypatch.setattr(os, call, full)


def left_over(output: Path) -> list[str]:
    """Unfinished files, without the mark of a run that has not come to its end."""
    return [key for key in tree(output) if ".refine-tmp-" in key and "unfinished" not in key]


def lines(output: Path) -> dict[str, dict[str, object]]:
    """The manifest's lines by key."""
    return {entry["key"]: entry for entry in map(json.loads, (output / MANIFEST).open())}


@contextmanager
def one_thread() -> Iterator[None]:
    """For fixtures of a whole module, which are made before each test's own setting; runs note the number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tree(root: Path) -> dict[str, bytes | str]:
    """Every file's bytes, every link's target, every folder."""
    found: dict[str, bytes | str] = {}
    for place, folders, files in os.walk(root):
        for name in folders + files:
            path = Path(place, name)
            key = path.relative_to(root).as_posix()
            if path.is_symlink():
                found[key] = str(path.readlink())
            else:
                found[key] = "folder" if path.is_dir() else path.read_bytes()
    return found
