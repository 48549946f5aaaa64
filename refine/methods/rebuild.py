"""A method built again from a stranger's arguments: without memory at first, and held against the stored weights."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from refine.errors import InputError
from refine.files import cut
from refine.methods.base import Method
from refine.tensor_file import require_dense

PARTS_FOR_TRAINING = 1000
"""Parameters that a method may have beyond four times the stored tensors: discriminators, a way back, projections."""
LARGEST_PART_FOR_TRAINING = 1 << 30
"""Numbers in all weights that the file does not hold."""
REAL = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Precisions in which a weight may be stored, whatever the network runs in."""


class _TooMany(Exception):
    pass


def is_ours(method: type[Method]) -> bool:
    """Whether a class is part of `refine`, and not of a module that the user trusts."""
    return method.__module__.startswith("refine.")


def build(path: Path, method: type[Method], arguments: Mapping[str, Any], stored: int) -> Method:
    """Return a method whose weights take no memory yet.

    Args:
        path: For messages.
        method: Its class. One of another package is built as it is: its constructor may compute what only it knows.
        arguments: Of its constructor.
        stored: Number of tensors in the file. A network of many more is refused while it is built.

    Raises:
        InputError: If the arguments do not fit.
    """
    count, most = 0, 4 * stored + PARTS_FOR_TRAINING

    def limit(*_: object) -> None:
        nonlocal count
        count += 1
        if count > most:
            raise _TooMany(f"they make a network of more than {most} weights, and the file has {stored}")

    hook = register_module_parameter_registration_hook(limit)
    try:
        with torch.device("meta") if is_ours(method) else nullcontext():
            return method(**arguments)
    except Exception as error:  # arguments of a stranger: too large, of another type, out of range
        raise InputError(
            f"{path}: its arguments do not fit {method.__name__} ({cut(' '.join(str(error).split()), 300)})"
        ) from error
    finally:
        hook.remove()


def fill(path: Path, method: Method, weights: Mapping[str, Tensor]) -> None:
    """Give a method that `build` made the weights that calling it needs; the others become zeros without memory.

    Args:
        path: Of the file.
        method: It is changed in place.
        weights: From the file, by name. A bundle has those under `Method.exported_prefixes` alone.

    Raises:
        InputError: If one is missing, is one too many, is not a dense tensor of finite numbers of the right shape.
    """
    prefixes = method.exported_prefixes()
    wanted = {name: weight for name, weight in method.state_dict().items() if name.startswith(prefixes)}
    if not wanted and is_ours(type(method)):  # a user's own may need none
        raise InputError(f"{path}: a {type(method).__name__} without weights, which can do nothing; fit it first")
    for name in weights:
        if name not in wanted and (path.is_dir() or str(name).startswith(prefixes)):
            raise InputError(f"{path}: weight {cut(repr(name))} is not part of the model that its arguments describe")
    method.load_state_dict(fitting(path, wanted, weights), strict=False, assign=True)
    _blank(path, method)
    method.to("cpu")  # its `device`, which Lightning sets when it is built, is meta until then


def fitting(path: Path, wanted: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies of stored weights in the precision that a network has.

    Args:
        path: Of the file.
        wanted: The network's own weights by name, which may be on the meta device.
        weights: From the file, of any kind.

    Raises:
        InputError: If one is missing, or is not a dense tensor of finite numbers, of the same shape and type: real
            numbers may be float16, bfloat16, float32 or float64, integers are of the network's own type.
    """
    found = {name: _fitting(path, name, weights.get(name), weight) for name, weight in wanted.items()}
    require_dense(path, found)
    return {name: _value(path, name, weight, wanted[name]) for name, weight in found.items()}


def _fitting(path: Path, name: str, found: object, wanted: Tensor) -> Tensor:
    if found is None:
        raise InputError(f"{path}: weight {name!r} is missing")
    if not isinstance(found, Tensor):
        raise InputError(f"{path}: weight {name!r} is no tensor")
    if found.shape != wanted.shape:
        shape, expected = cut(str(tuple(found.shape))), tuple(wanted.shape)
        raise InputError(f"{path}: weight {name!r} is {shape}, expected {expected}")
    if not found.numel():
        raise InputError(f"{path}: weight {name!r} is empty ({tuple(wanted.shape)})")
    if found.dtype != wanted.dtype and not (found.dtype in REAL and wanted.dtype in REAL):
        kinds = [str(dtype).removeprefix("torch.") for dtype in (found.dtype, wanted.dtype)]
        raise InputError(f"{path}: weight {name!r} is of type {kinds[0]}, expected {kinds[1]}")
    return found


def _value(path: Path, name: str, found: Tensor, wanted: Tensor) -> Tensor:
    value = found.detach().to(wanted.dtype, copy=True, memory_format=torch.contiguous_format)
    if value.is_floating_point() and not bool(torch.isfinite(value).all()):
        raise InputError(f"{path}: weight {name!r} holds values that are not finite; the training diverged")
    return value


@torch.no_grad()
def _blank(path: Path, method: Method) -> None:
    total = 0
    for module in method.modules():
        tensors = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for name, tensor in tensors:
            if not tensor.is_meta:
                continue
            total += tensor.numel()
            if total > LARGEST_PART_FOR_TRAINING:
                raise InputError(
                    f"{path}: its arguments do not fit {type(method).__name__} (parts that only training needs have "
                    f"more than {LARGEST_PART_FOR_TRAINING} weights)"
                )
            zeros = torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)
            setattr(module, name, nn.Parameter(zeros, False) if isinstance(tensor, nn.Parameter) else zeros)
