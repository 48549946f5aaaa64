"""Files of `torch.save` from strangers: judged by their directory and their opcodes before torch reads them.

torch's own reader of weights runs no code, but it takes what a file claims: an archive that inflates, tuples of tuples
as keys, objects that reserve memory. Here a file may hold dense tensors and plain values, and no more than its bytes.
"""

import os
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch
from torch import Tensor

from refine.archives import Damaged, read_directory
from refine.errors import InputError
from refine.files import ARCHIVE, cut, open_file
from refine.tensor_opcodes import Code, Scan

MOST_OPCODE_BYTES = 1 << 22
MOST_VALUES = 200_000
MOST_HEADER_BYTES = 1 << 20
"""List of the tensors in a file of safetensors: a hundred bytes each."""
MOST_DEPTH = 32
"""Nesting of dictionaries and lists."""
OWN_BYTES = 1 << 16
"""Claims of small tensors that share a few bytes are harmless."""


def read_torch_file(path: Path, kind: str, advice: str = "") -> Any:
    """Return what a file of `torch.save` holds, on the CPU.

    Args:
        path: A file that exists, of any release of torch.
        kind: What it is for the user, such as ``checkpoint``.
        advice: A sentence on what to give instead, with a full stop and a space before it.

    Raises:
        InputError: If it is damaged, holds anything but tensors and plain values in lists and dictionaries, or claims
            more than is in it. None of its code has run, and little memory was taken.
    """
    try:
        with open_file(path) as file, warnings.catch_warnings():
            size = os.fstat(file.fileno()).st_size
            warnings.simplefilter("ignore")  # about layouts that are refused, and the storages of old files
            if file.read(len(ARCHIVE)) == ARCHIVE:  # as torch tells them apart
                _require_archive(file, size)
            else:
                _require_old_file(file, size)
            file.seek(0)
            content = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, Code) as error:
        raise InputError(
            f"{path}: holds more than tensors and plain values, so loading it could run code; refused{advice}"
        ) from error
    except Exception as error:  # whatever torch raises on a file that was made or broken on purpose
        if "TorchScript" in str(error):
            raise InputError(f"{path}: a TorchScript archive; save the network's state_dict() instead") from error
        what = " ".join(str(error).split()).split(". ")[0]
        raise InputError(f"{path}: a damaged {kind} ({cut(what)}){advice}") from error
    _require_bounded(path, content)
    return content


def read_tensors(path: Path, kind: str, advice: str = "") -> dict[str, Tensor]:
    """Return a state dict from a file of torch or, by its suffix, of safetensors, on the CPU.

    Raises:
        InputError: As `read_torch_file`, or if it holds anything but real tensors by name.
    """
    if path.suffix == ".safetensors":
        try:
            tensors: Any = read_safetensors(path)
        except (ValueError, OSError) as error:
            raise InputError(f"{path}: a damaged {kind} ({cut(' '.join(str(error).split()))}){advice}") from error
    else:
        tensors = read_torch_file(path, kind, advice)
    if not isinstance(tensors, dict):
        raise InputError(f"{path}: not a {kind}: expected names and tensors, found {type(tensors).__name__}{advice}")
    for name, value in tensors.items():
        if not isinstance(name, str) or not isinstance(value, Tensor) or value.is_complex():
            raise InputError(f"{path}: not a {kind}: {cut(repr(name))} is not a name with a real tensor{advice}")
    return dict(tensors)


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file of safetensors, on the CPU.

    Raises:
        ValueError: If it is damaged, or its list of tensors takes megabytes.
    """
    with open_file(path) as file:
        length = int.from_bytes(file.read(8), "little")
    if length > MOST_HEADER_BYTES:
        raise ValueError(f"a header of {length} bytes in {path.name}")
    try:
        return safetensors.torch.load_file(path)
    except Exception as error:  # its own errors, and those of torch about types that it does not have
        raise ValueError(f"{path.name}: {error}") from error


def require_dense(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Hold tensors against their storages and the file's size.

    Args:
        path: The file that they are from, or the bundle's folder.
        tensors: By name.

    Raises:
        InputError: If one is sparse, quantized or on the meta device, is larger than its bytes, or all of them
            together are much larger than the file: views of the same bytes can claim any size.
    """
    files = path.iterdir() if path.is_dir() else [path]
    claimed, size = 0, sum(file.stat().st_size for file in files)
    for name, tensor in tensors.items():
        dense = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
        if not dense or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise InputError(
                f"{path}: {cut(name)} is no plain dense tensor; save the network's state_dict() as it is, on the CPU"
            )
        claimed += tensor.numel() * tensor.element_size()
        if claimed > 2 * size + OWN_BYTES:
            raise InputError(f"{path}: {cut(name)} and the tensors before it claim more bytes than the file has")


def _require_archive(file: BinaryIO, size: int) -> None:
    members = read_directory(file, size)
    root = next(iter(members)).split("/")[0]
    code = members.get(f"{root}/data.pkl")
    if code is None:
        raise Damaged("no data.pkl")
    if code.size > MOST_OPCODE_BYTES:
        raise Damaged("a data.pkl of many megabytes")
    sizes = {name.removeprefix(f"{root}/data/"): member.size for name, member in members.items()}
    file.seek(code.start)
    Scan(sizes, size).run(file.read(code.size))


def _require_old_file(file: BinaryIO, size: int) -> None:
    """Scan a file of before 1.6: magic number, protocol, system, content and keys, a pickle each; then bytes."""
    file.seek(0)
    head = file.read(MOST_OPCODE_BYTES)
    start = 0
    for _ in range(5):
        start += Scan(None, size).run(head[start:])


def _require_bounded(path: Path, content: Any) -> None:
    """Refuse content that is larger or deeper than it seems: lists may hold the same list many times, or themselves."""
    waiting = [("", content, 0)]
    tensors: dict[str, Tensor] = {}
    count = 0
    while waiting:
        name, value, depth = waiting.pop()
        inside: list[tuple[str, Any]] = []
        if isinstance(value, dict):
            inside = [(cut(f"{name}.{key}".removeprefix(".")), item) for key, item in value.items()]
        elif isinstance(value, list | tuple):
            inside = [(name, item) for item in value]
        elif isinstance(value, Tensor):
            tensors[name if name not in tensors else f"{name} {count}"] = value
        count += 1 + len(inside)
        if depth > MOST_DEPTH or count > MOST_VALUES:
            raise InputError(f"{path}: holds lists that are nested too deeply, or repeat each other without end")
        waiting.extend((key, item, depth + 1) for key, item in inside)
    require_dense(path, tensors)
