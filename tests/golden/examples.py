"""Writes the datasets and files that the recorded commands read, once for both trees.

`python -m tests.golden.examples FOLDER`: the tests' writers use the package, so that a tree must be importable.
"""

import json
import lzma
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tests.data.layouts.examples.webdataset import make_shard, sample
from tests.data.shapes import write_shapes
from tests.golden.commands import ROOTS
from tests.inspect.test_command import writers
from tests.interop.originals import ResNet, UNet, trained

FIXTURES = Path(__file__).parent / "fixtures"
DATASETS = Path(__file__).parents[2] / "datasets"
CLASSES = ("red", "yellow", "green")


def write_examples(base: Path) -> None:
    """Write all of them into a folder."""
    roots = {}
    for write in writers():
        name = write.__name__.removeprefix("write_").replace("_", "-")
        roots[name] = write(base / "examples" / name).relative_to(base).as_posix()
    (base / ROOTS).write_text(json.dumps(roots))
    for side, count in (("synthetic", 6), ("real", 4)):
        for name in CLASSES:
            for image in sorted((DATASETS / "traffic-lights" / side / name).glob("*.png"))[:count]:
                target = base / "lights" / side / name / image.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(image, target)
    shutil.copytree(DATASETS / "traffic-lights/synthetic", base / "many")
    for number in range(6):
        make_shard(base / f"shards/{number}.tar", {k: v for n in range(4) for k, v in sample(4 * number + n).items()})
    write_shapes(base / "shapes", count=12)
    write_roads(base / "roads")
    write_eyes(base / "eyes")
    write_odd(base / "odd")
    write_models(base)
    write_files(base / "files")


def write_roads(root: Path) -> None:
    """Six images with masks: bright road below dark sky."""
    rng = np.random.default_rng(0)
    for number in range(6):
        mask = np.zeros((32, 32), np.uint8)
        mask[: 10 + number] = 1
        pixels = rng.integers(0, 60, (32, 32, 3)) + 150 * (mask == 0)[..., None]
        save(root / "images" / f"{number}.png", pixels)
        save(root / "masks" / f"{number}.png", mask)
    (root / "classes.txt").write_text("road\nsky\n")


def write_eyes(root: Path) -> None:
    """Twelve gray images with a table of pitch and yaw."""
    rng = np.random.default_rng(1)
    rows = ["path,pitch,yaw"]
    for number in range(12):
        save(root / "eyes" / f"{number:02d}.png", rng.integers(0, 256, (24, 32)))
        rows.append(f"eyes/{number:02d}.png,{number / 40 - 0.1:.3f},{0.2 - number / 50:.3f}")
    (root / "gaze.csv").write_text("\n".join(rows) + "\n")


def write_odd(root: Path) -> None:
    """Images of each kind that `apply` keeps, and what it must list or refuse."""
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (17, 21, 4))
    save(root / "gray.png", pixels[..., 0])
    save(root / "clear.png", pixels)
    save(root / "small.png", pixels[:2, :3, :3])
    save(root / "deep.png", pixels[..., 0] * 257, np.uint16)
    exif = Image.Exif()
    exif[0x010E] = "a photo"
    Image.fromarray(pixels[..., :3].astype(np.uint8)).save(root / "photo.jpg", exif=exif, quality=90, dpi=(72, 72))
    Image.fromarray(pixels[..., :3].astype(np.uint8)).convert("P").save(root / "palette.png")
    Image.fromarray(pixels[..., :3].astype(np.uint8)).save(root / "picture.webp", lossless=True)
    (root / "broken.png").write_bytes((root / "gray.png").read_bytes()[:60])
    (root / "empty.png").touch()
    (root / "notes.txt").write_text("all sorts\n")
    (root / "link.png").symlink_to("gray.png")
    (root / "out.png").symlink_to("../lights/synthetic")


def write_models(base: Path) -> None:
    """The models of the fixtures, and generators as other projects save them."""
    models = base / "models"
    shutil.copytree(FIXTURES / "cut", models / "cut")
    for packed in FIXTURES.glob("*.ckpt.xz"):
        (models / packed.stem).write_bytes(lzma.decompress(packed.read_bytes()))
    originals = {
        "cyclegan": ResNet(),
        "cut": ResNet(antialias=True),
        "batch": ResNet(norm="batch"),
        "unet": UNet(),
    }
    (base / "originals").mkdir()
    for name, network in originals.items():
        torch.save(trained(network).state_dict(), base / "originals" / f"{name}.pth")


def write_files(root: Path) -> None:
    """Texts that commands take, good ones and others."""
    root.mkdir()
    torch.save({"state_dict": {}}, root / "none.ckpt")
    texts = {
        "text.ckpt": "not a checkpoint\n",
        "parameters.yaml": "rotation: [-8, 8]\nstroke: [0, 0.1]\n",
        "unknown.yaml": "rotatoin: [-8, 8]\n",
        "torn.yaml": "steps: [1,\n",
        "torn.json": '{"rows": ',
        "groups.csv": "key,group\nred/a.png,a\n",
        "decisions.csv": "key,verdict\nred/sim_0000.png,fail\nnothing.png,pass\n",
        "wrong.csv": "name,verdict\nred/sim_0000.png,fail\n",
        "layout.yaml": "layout: mask-folders\nclasses: [road, sky]\n",
        "other-layout.yaml": "layout: nothing\n",
        "mapping.yaml": "to: [low, high]\nclasses:\n  road: low\n  sky: high\n",
        "benchmark.yaml": "synthetic: ../lights/synthetic\nrefined: {same: ../lights/synthetic}\nreal: ../lights/real\n"
        "seeds: 1\nsteps: 2\nbaselines: none\n",
    }
    for name, text in texts.items():
        (root / name).write_text(text)


def save(path: Path, pixels: np.typing.NDArray[np.generic], kind: type[np.generic] = np.uint8) -> None:
    """Write an image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(kind)).save(path)


if __name__ == "__main__":
    torch.manual_seed(0)
    write_examples(Path(sys.argv[1]))
