"""A small labeled dataset that an audit can judge in seconds, a translator that spoils some of it, and the audit."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from refine.audit.result import LINES, SUMMARY, Audit, Certificate
from refine.cli import main
from refine.data.samples import UnpairedBatch
from refine.methods.translator import Translator
from tests.apply.trees import one_thread

MODULE = __name__
CLASSES = ("bar", "disk", "ring")
SIDE = 24
EACH = 48
FLAGS = ["--steps", "50", "--batch-size", "32", "--folds", "2", "--networks", "small-cnn"]
"""Judges that learn in seconds, and well enough for these shapes."""
UNTRAINED = ["--steps", "1", "--batch-size", "8", "--folds", "2", "--networks", "small-cnn"]
"""Judges that learned nothing."""


def shape(kind: str, number: int, side: int = SIDE) -> NDArray[np.bool_]:
    """``(side, side)`` of a shape at a place and size of its own."""
    rng = np.random.default_rng([CLASSES.index(kind), number])
    y, x = rng.uniform(0.42, 0.58, 2) * side
    rows, columns = np.mgrid[:side, :side] + 0.5
    radius = np.hypot(rows - y, columns - x) / side
    size = rng.uniform(0.24, 0.32)
    inside = {
        "bar": (np.abs(columns - x) / side < 0.08) & (np.abs(rows - y) / side < size + 0.1),
        "disk": radius < size,
        "ring": np.abs(radius - size - 0.05) < 0.06,
    }
    return np.asarray(inside[kind], dtype=np.bool_)


def key(kind: str, number: int) -> str:
    return f"{kind}/{number:02d}.png"


SPOILED = frozenset(key(kind, number) for kind in ("bar", "ring") for number in (3, 11, 20, 28, 41))
"""Their first pixel is bright; that makes `Spoiler` turn them into disks."""


def write_shapes(root: Path, spoiled: Collection[str] = SPOILED, each: int = EACH) -> Path:
    """Class folders of gray images, bright on dark under a little noise."""
    for kind in CLASSES:
        for number in range(each):
            noise = np.random.default_rng(number).standard_normal((SIDE, SIDE))
            levels = np.where(shape(kind, number), 240.0, 20.0) + 4.0 * noise
            levels[0, 0] = 255 if key(kind, number) in spoiled else 0
            save(root / key(kind, number), levels.clip(0, 255).astype(np.uint8))
    return root


def save(path: Path, levels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels).save(path)


class Spoiler(Translator):
    """Lower contrast of all images; where the first pixel is bright, a disk in place of what was there."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, images: Tensor) -> Tensor:
        disk = 1.6 * torch.from_numpy(shape("disk", 0)).float() - 0.8
        spoiled = images[:, :, :1, :1] > 0.9
        return 0.7 * torch.where(spoiled, disk, images) - 0.1

    def training_step(self, batch: UnpairedBatch, batch_idx: int) -> None:
        raise NotImplementedError("it is born trained")


def save_spoiler(path: Path) -> Path:
    method = Spoiler()
    torch.save({"refine": {**method.description(), "steps_done": 0}, "state_dict": method.state_dict()}, path)
    return path


class Finished(NamedTuple):
    """An audit of spoiled images, and what it is of."""

    code: int
    synthetic: Path
    refined: Path
    checkpoint: Path
    output: Path


def audited(root: Path) -> Finished:
    """Write, refine and audit the shapes, by the command line."""
    synthetic, checkpoint = write_shapes(root / "synthetic"), save_spoiler(root / "spoiler.ckpt")
    with one_thread():
        assert main([*apply_to(synthetic, checkpoint), "--output", str(root / "refined")]) == 0
        code = main(audit_of(synthetic, root / "refined", root / "audit"))
    return Finished(code, synthetic, root / "refined", checkpoint, root / "audit")


def apply_to(synthetic: Path, checkpoint: Path) -> list[str]:
    return ["apply", "--checkpoint", str(checkpoint), "--trust", MODULE, "--input", str(synthetic), "--device", "cpu"]


def audit_of(synthetic: Path, refined: Path, output: Path, *flags: str) -> list[str]:
    folders = ["--synthetic", str(synthetic), "--refined", str(refined), "--output", str(output)]
    return ["audit", *folders, *(flags or FLAGS)]


def summary(output: Path) -> Audit:
    found: Audit = json.loads((output / SUMMARY).read_text())
    return found


def certificates(output: Path) -> dict[str, Certificate]:
    lines: list[Certificate] = [json.loads(line) for line in (output / LINES).open()]
    return {line["key"]: line for line in lines}


def decide(own: Finished, verdicts: Mapping[str, str]) -> int:
    """Give verdicts of a person, or answers to a sample, to an audit of the test's own."""
    path = own.output.parent / "decisions.csv"
    path.write_text("key,verdict\n" + "".join(f"{name},{verdict}\n" for name, verdict in verdicts.items()))
    return main(["audit", "--output", str(own.output), "--decisions", str(path)])
