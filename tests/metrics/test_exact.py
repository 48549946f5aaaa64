from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from refine.audit.judges import ask
from refine.benchmark.fit import predict
from refine.devices import without_tf32
from refine.labels import KINDS
from refine.metrics.features import TaskFeatures
from refine.metrics.sliced_wasserstein import validation_distance

PRODUCTS = {"conv2d", "matmul", "__matmul__"}


def flags() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.fixture(autouse=True)
def _allowed() -> Iterator[None]:
    """As a training run may have set it."""
    before = flags()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


class Watched(TorchFunctionMode):
    """Notes the flags at each convolution and product."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[bool, bool]] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in PRODUCTS:
            self.found.add(flags())
        return func(*args, **(kwargs or {}))


class Task:
    layer = torch.nn.Conv2d(1, 5, 3)

    def features(self, images: Tensor) -> Tensor:
        found: Tensor = self.layer(images).mean(dim=(2, 3))
        return found

    label_kind, device = KINDS["class"], torch.device("cpu")
    predict = estimate = features


def test_the_flags_come_back_after_an_error_too() -> None:
    with without_tf32():
        assert flags() == (False, False)
    assert flags() == (True, True)
    with pytest.raises(KeyError), without_tf32():
        raise KeyError
    assert flags() == (True, True)


@pytest.mark.parametrize("measure", ["features", "distance", "answers", "predictions"])
def test_nothing_is_measured_in_tf32_and_training_keeps_it(measure: str) -> None:
    images = torch.rand(3, 1, 32, 32)
    with Watched() as watched:
        if measure == "features":
            TaskFeatures(Task(), "task")(images)
        elif measure == "answers":
            ask(Task(), images)  # type: ignore[arg-type]  # as much of one as it asks
        elif measure == "predictions":
            predict(Task(), images)  # type: ignore[arg-type]  # the same
        else:
            validation_distance(images, images.flip(-1))
    assert watched.found == {(False, False)}
    assert flags() == (True, True)
