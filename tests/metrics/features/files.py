"""Files of weights that are generated, or lie in ../shared."""

import io
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "inception"
INCEPTION = SHARED / "weights-inception-2015-12-05-partial768.pth"
needs_weights = pytest.mark.skipif(not INCEPTION.is_file(), reason=f"the Inception weights are not at {INCEPTION}")

BLOCK = 4096
"""Bytes of a hole in a file."""


class Malicious:
    """A pickle that writes a file when it is loaded."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return Path.write_text, (Path(self.target), "ran")  # type: ignore[return-value]  # what pickle expects

    def __init__(self, target: Path) -> None:
        self.target = str(target)


def small_vgg16(path: Path, seed: int = 0) -> Path:
    """Weights of the true shapes, most of them zero: the file has holes in their place, and no layer is silent."""
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        shapes = {name: weight.shape for name, weight in torchvision.models.vgg16(weights=None).state_dict().items()}
    state: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        state[name] = torch.zeros(shape)
        if len(shape) == 4:
            state[name][:, :1] = torch.randn(shape[0], 1, 3, 3, generator=generator) * (2 / 9) ** 0.5
        elif len(shape) == 2:
            state[name][:64] = torch.randn(64, shape[1], generator=generator) / shape[1] ** 0.5
        else:
            state[name] = torch.randn(shape, generator=generator) / 10
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with path.open("wb") as file, buffer.getbuffer() as content:
        for start in range(0, len(content), BLOCK):
            if content[start : start + BLOCK].tobytes().strip(b"\0"):
                file.seek(start)
                file.write(content[start : start + BLOCK])
        file.truncate(len(content))
    return path
