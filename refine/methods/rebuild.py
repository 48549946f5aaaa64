"""A method built again from a stranger's description: held against plain types, then against the stored weights."""

import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from refine.errors import InputError
from refine.files import cut
from refine.methods.base import FORMAT, Method
from refine.tensor_file import require_dense

MOST_VALUES = 100_000
MOST_DEPTH = 8
LONGEST_TEXT = 4096
"""Characters of a name or path."""
LARGEST_INTEGER = 2**63
"""Integers and their negatives stay below."""


def require_description(path: Path, stored: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the entry ``refine`` of a checkpoint, or the description of a bundle, as it is.

    Args:
        path: For messages.
        stored: What was read, of any types.

    Raises:
        InputError: If it is of another format, anything in it is not plain, or a part is missing.
    """
    _require_plain(path, stored)
    if type(stored.get("format")) is not int or stored["format"] != FORMAT:
        found = _shown(stored.get("format"))
        raise InputError(f"{path}: format {found}; this version of refine reads format {FORMAT}")
    if not isinstance(stored.get("class_path"), str):
        raise InputError(f"{path}: names {_shown(stored.get('class_path'))}, which is not part of refine")
    if not isinstance(stored.get("init_args"), dict) or not isinstance(stored.get("state"), dict):
        raise InputError(f"{path}: says nothing of how the model was built ('init_args', 'state')")
    if not _fits(stored.get("steps_done", 0), int):
        raise InputError(f"{path}: steps_done is {_shown(stored['steps_done'])}, expected a number of steps")
    return dict(stored)


def require_arguments(path: Path, method: type[Method], arguments: Mapping[str, Any]) -> None:
    """Hold the constructor's arguments against the types that it declares.

    Args:
        path: For messages.
        method: A class of `refine`: others may declare what they like.
        arguments: Plain values by name. Sizes and counts are 0 or more; a seed may be negative.

    Raises:
        InputError: If a value is of another type, or negative where none can be.
    """
    declared = typing.get_type_hints(method.__init__)
    known = set(inspect.signature(method.__init__).parameters) - {"self"}
    for name, value in arguments.items():
        if name not in known:
            raise InputError(
                f"{path}: its arguments do not fit {method.__name__} (it has no argument {_shown(name)}); a later "
                "version of refine may read it"
            )
        if not _fits(value, declared[name]):
            raise InputError(
                f"{path}: its arguments do not fit {method.__name__} ({name} is {_shown(value)}, expected "
                f"{_type_name(declared[name])})"
            )
        if name != "seed" and any(number < 0 for number in _integers(value)):
            raise InputError(
                f"{path}: its arguments do not fit {method.__name__} ({name} is {_shown(value)}, expected 0 or more)"
            )


def _require_plain(path: Path, stored: Mapping[Any, Any]) -> None:
    waiting: list[tuple[str, Any, int]] = [("", stored, 0)]
    count = 0
    while waiting:
        name, value, depth = waiting.pop()
        inside: list[tuple[str, Any]] = []
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str) or len(key) > LONGEST_TEXT:
                    raise InputError(f"{path}: {name or 'its description'} has a key {_shown(key)}, expected a name")
            inside = [(str(key), item) for key, item in value.items()]
        elif isinstance(value, list | tuple):
            inside = [(name, item) for item in value]
        elif not (value is None or isinstance(value, bool | int | float | str)):
            raise InputError(f"{path}: {cut(name)} is a {type(value).__name__}, expected a plain value")
        elif isinstance(value, int) and abs(value) >= LARGEST_INTEGER:
            raise InputError(f"{path}: {cut(name)} is a number of {value.bit_length()} bits, expected less than 64")
        elif isinstance(value, str) and len(value) > LONGEST_TEXT:
            raise InputError(f"{path}: {cut(name)} is {_shown(value)}, a text of more than {LONGEST_TEXT} characters")
        count += 1 + len(inside)
        if depth > MOST_DEPTH or count > MOST_VALUES:
            raise InputError(f"{path}: its description holds too many values, or lists that hold themselves")
        waiting.extend((key, item, depth + 1) for key, item in inside)


def _fits(value: object, declared: Any) -> bool:
    """Whether a plain value is of a declared type; of types that are not plain, any value is."""
    origin, inner = get_origin(declared), get_args(declared)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in inner)
    if origin is tuple:
        same = isinstance(value, list | tuple) and len(value) == len(inner)
        return same and all(_fits(item, one) for item, one in zip(typing.cast(list[Any], value), inner, strict=True))
    if origin in (list, Sequence):
        return isinstance(value, list | tuple) and all(_fits(item, inner[0]) for item in value)
    if declared is float:
        return type(value) in (int, float)
    if declared in (bool, int, str, type(None)):
        return type(value) is declared
    return True


def _integers(value: object) -> list[int]:
    items = value if isinstance(value, list | tuple) else [value]
    return [item for item in items if isinstance(item, int)]


def _type_name(declared: Any) -> str:
    return declared.__name__ if isinstance(declared, type) and not get_args(declared) else _bare(str(declared))


def _bare(text: str) -> str:
    return text.replace("typing.", "").replace("collections.abc.", "")


def _shown(value: object) -> str:
    if isinstance(value, str | int | float | None):
        return cut(repr(value))
    return f"a {type(value).__name__}"


PARTS_FOR_TRAINING = 1000
"""Parameters that a method may have beyond four times the stored tensors: discriminators, an inverse generator,
projections."""
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
