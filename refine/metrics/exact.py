"""The precision in which distances are measured, whatever a training run has set."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def without_tf32() -> Iterator[None]:
    """Convolutions and products of matrices in full float32 on a GPU; a decorator as well.

    TensorFloat-32 has 10 bits for a value, and cuDNN's convolutions use it unless they are told otherwise: the same
    images would be at another distance on a GPU than on a CPU.
    """
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    products.allow_tf32 = convolutions.allow_tf32 = False
    try:
        yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before
