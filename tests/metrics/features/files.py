"""Files of weights that are generated, or lie in ../shared."""

from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "inception"
INCEPTION = SHARED / "weights-inception-2015-12-05-partial768.pth"
needs_weights = pytest.mark.skipif(not INCEPTION.is_file(), reason=f"the Inception weights are not at {INCEPTION}")


class Malicious:
    """A pickle that writes a file when it is loaded."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return Path.write_text, (Path(self.target), "ran")  # type: ignore[return-value]  # what pickle expects

    def __init__(self, target: Path) -> None:
        self.target = str(target)


def small_vgg16(path: Path, seed: int = 0) -> Path:
    """Weights of the true shapes, each of one random row: the file stays small, and no layer is silent."""
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        shapes = {name: weight.shape for name, weight in torchvision.models.vgg16(weights=None).state_dict().items()}
    state: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        row = torch.randn(1, *shape[1:], generator=generator) / max(1, shape[1:].numel()) ** 0.5
        if len(shape) == 4:
            row = torch.randn(shape[0], 1, 3, 3, generator=generator) * (2 / 9 / shape[1]) ** 0.5
        state[name] = row.expand(shape) if len(shape) > 1 else torch.randn(shape, generator=generator) / 10
    torch.save(state, path)
    return path
