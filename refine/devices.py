"""Devices that networks run on, and the precision in which they measure."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

import torch

from refine.errors import InputError
from refine.options import DeviceName

CPU = torch.device("cpu")


def choose_device(name: str) -> torch.device:
    """Return the device of that name; ``auto`` is the first of cuda, mps and cpu that is there.

    Raises:
        InputError: If the name is unknown, or the device is not there.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    there = [device for device, is_there in available.items() if is_there]
    if name not in get_args(DeviceName):
        raise InputError(f"--device {name!r}: expected auto, cpu, cuda or mps")
    if name != "auto" and name not in there:
        raise InputError(f"--device {name}: no {name.upper()} device is available here; use --device {there[0]}")
    return torch.device(there[0] if name == "auto" else name)


def devices_of_jobs(device: str, jobs: int, count: int) -> list[str]:
    """Spread jobs over the devices of one kind.

    Args:
        device: ``cpu``, ``cuda`` or ``mps``.
        jobs: Number of processes.
        count: Number of CUDA devices.

    Returns:
        Job i's device: CUDA device i modulo ``count``; any other is the same for all.
    """
    return [f"cuda:{job % count}" if device == "cuda" else device for job in range(jobs)]


def threads_of_job(jobs: int) -> int:
    """Return the number of CPU threads of each of several processes: they share this one's."""
    return max(1, torch.get_num_threads() // jobs)


@contextmanager
def without_tf32() -> Iterator[None]:
    """Compute convolutions and matrix products in full float32 on a GPU, whatever training has set; also a decorator.

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
