"""Small generated datasets and quick settings, shared by all tests."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

# Before torch starts, for processes that tests start, and for fixtures of whole modules: tests run side by side on few
# cores, and threads that wait for each other there take ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch
from PIL import Image

from tests.metrics.features.files import small_vgg16

WriteImages = Callable[..., Path]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tests run side by side on few cores, and bytes depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the cache of the person who runs it, or needs a terminal."""
    monkeypatch.setenv("REFINE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("TERM", "dumb")


@pytest.fixture(autouse=True)
def _no_lines_on_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command says does not depend on how busy the machine is."""
    monkeypatch.setattr("refine.terminal.FIRST", float("inf"))


@pytest.fixture
def write_images() -> WriteImages:
    """Write class folders of random images that differ by class: ``write_images(root, classes=…, count=…)``."""

    def write(
        root: Path,
        classes: tuple[str, ...] = ("a", "b"),
        count: int = 6,
        size: tuple[int, int] = (32, 32),
        mode: str = "RGB",
        level: int = 0,
    ) -> Path:
        for number, name in enumerate(classes):
            folder = root / name
            folder.mkdir(parents=True, exist_ok=True)
            for index in range(count):
                rng = np.random.default_rng([number, index, level])
                channels = () if mode == "L" else (len(mode),)
                pixels = rng.integers(0, 100, (*size, *channels)) + level
                pixels[: size[0] // 2] += 50 * number
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8), mode).save(folder / f"{name}-{index:03d}.png")
        return root

    return write


@pytest.fixture
def pair(tmp_path: Path, write_images: WriteImages) -> tuple[Path, Path]:
    """A synthetic dataset of class folders and a brighter real one, 32x32 RGB."""
    return write_images(tmp_path / "synthetic"), write_images(tmp_path / "real", level=120)


@pytest.fixture(scope="session")
def vgg16_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of weights of VGG-16, most of them zero."""
    return small_vgg16(tmp_path_factory.mktemp("vgg16") / "vgg16.pth")


SHARED = Path(__file__).resolve().parents[2] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the development data in ../shared is not there")
