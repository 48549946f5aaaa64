"""Tiny shards as `webdataset.TarWriter` writes them: ustar, mode 0444, owner bigdata."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

TIME = 1_700_000_000


def picture(seed: int, kind: str = "png", size: tuple[int, int] = (24, 32)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode, info.uname, info.gname = len(content), TIME, 0o444, "bigdata", "bigdata"
    tar.addfile(info, io.BytesIO(content))


def make_shard(path: Path, members: dict[str, bytes], format: int = tarfile.USTAR_FORMAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=format) as tar:
        for name, content in members.items():
            add(tar, name, content)
    return path


def sample(number: int) -> dict[str, bytes]:
    """A JPEG or PNG image, its class, a JSON, a text and a mask."""
    name, mask = f"{number:06d}", io.BytesIO()
    Image.new("L", (32, 24), number % 3).save(mask, "PNG")
    return {
        f"{name}.cls": str(number % 3).encode(),
        f"{name}.json": json.dumps({"key": name, "width": 32, "height": 24}).encode(),
        f"{name}.jpg" if number % 2 else f"{name}.png": picture(number, "JPEG" if number % 2 else "PNG"),
        f"{name}.seg.png": mask.getvalue(),
        f"{name}.txt": f"a picture of {number % 3}\n".encode(),
    }


def write_webdataset(root: Path, samples: int = 4, shards: int = 2) -> Path:
    """Shards ``train-000000.tar``, … with samples of the classes 0 to 2."""
    numbers = np.array_split(np.arange(samples), shards)
    for shard, part in enumerate(numbers):
        members = {name: content for number in part for name, content in sample(int(number)).items()}
        make_shard(root / f"train-{shard:06d}.tar", members)
    return root
