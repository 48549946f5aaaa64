"""Files of `torch.save` from strangers: judged by their directory and their opcodes before torch reads them.

torch's own reader of weights runs no code, but it takes what a file claims: an archive that inflates, tuples of tuples
as keys, objects that reserve memory. Here a file may hold dense tensors and plain values, and no more than its bytes.
"""

import pickle
import pickletools
import struct
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch
from torch import Tensor

from refine.errors import InputError
from refine.files import cut

MOST_MEMBERS = 20_000
"""Members of an archive: one for each tensor, with those of optimizers and a few of torch's own."""
MOST_OPCODE_BYTES = 1 << 22
MOST_OPCODES = 200_000
"""Dozens for each tensor."""
MOST_VALUES = 200_000
MOST_HEADER_BYTES = 1 << 20
"""List of the tensors in a file of safetensors: a hundred bytes each."""
MOST_DEPTH = 32
"""Nesting of dictionaries and lists."""
LARGEST_END = 22 + (1 << 16)
"""Bytes of an archive's end with its comment."""
OWN_BYTES = 1 << 16
"""Claims of small tensors that share a few bytes are harmless."""

ARCHIVE = b"PK\x03\x04"
"""How files of torch 1.6 and later begin."""

STORAGE_BYTES = {
    **dict.fromkeys(
        ("ByteStorage", "CharStorage", "BoolStorage", "UntypedStorage", "QInt8Storage", "QUInt8Storage"), 1
    ),
    **dict.fromkeys(("HalfStorage", "BFloat16Storage", "ShortStorage"), 2),
    **dict.fromkeys(("FloatStorage", "IntStorage", "QInt32Storage"), 4),
    **dict.fromkeys(("DoubleStorage", "LongStorage", "ComplexFloatStorage"), 8),
    "ComplexDoubleStorage": 16,
}
"""Bytes of a number, by the name of its storage."""

CALLED = {
    "collections OrderedDict",
    *(
        f"torch._utils _rebuild_{what}"
        for what in (
            "tensor",
            "tensor_v2",
            "tensor_v3",
            "parameter",
            "sparse_tensor",
            "qtensor",
            "meta_tensor_no_storage",
        )
    ),
    "torch.serialization _get_layout",
}
"""What an opcode may call. Tensors that are not dense are refused by name once they are read: they take no memory."""

NAMED = {
    *CALLED,
    *(f"torch {name}" for name in vars(torch) if isinstance(getattr(torch, name), torch.dtype | torch.qscheme)),
    *(f"torch {name}" for name in STORAGE_BYTES),
    "torch.storage UntypedStorage",
}
"""What an opcode may name at all."""

PUSHED = {
    "BINUNICODE",
    "SHORT_BINSTRING",
    "BININT",
    "BININT1",
    "BININT2",
    "LONG1",
    "BINFLOAT",
    "NONE",
    "NEWTRUE",
    "NEWFALSE",
}


class _Damaged(ValueError):
    pass


class _Code(ValueError):
    pass


@dataclass(frozen=True)
class _Name:
    name: str


@dataclass
class _Made:
    """A list, dictionary or tensor: what is in it is looked at when it is there."""

    keys: list[Any] = field(default_factory=list)


def read_torch_file(path: Path, kind: str, advice: str = "") -> Any:
    """Return what a file of `torch.save` holds, on the CPU.

    Args:
        path: A file that exists, of any release of torch.
        kind: What it is for the user, such as ``checkpoint``.
        advice: A sentence for files that hold other objects.

    Raises:
        InputError: If it is damaged, holds anything but tensors and plain values in lists and dictionaries, or claims
            more than is in it. None of its code has run, and little memory was taken.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about layouts that are refused, and the storages of old files
            if file.read(len(ARCHIVE)) == ARCHIVE:  # as torch tells them apart
                _require_archive(file, size)
            else:
                _require_old_file(file, size)
            file.seek(0)
            content = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, _Code) as error:
        raise InputError(
            f"{path}: holds more than tensors and plain values, so loading it could run code; refused{advice}"
        ) from error
    except Exception as error:  # whatever torch raises on a file that was made or broken on purpose
        if "TorchScript" in str(error):
            raise InputError(f"{path}: a TorchScript archive; save the network's state_dict() instead") from error
        what = " ".join(str(error).split()).split(". ")[0]
        raise InputError(f"{path}: a damaged {kind} ({cut(what)})") from error
    _require_bounded(path, content)
    return content


def is_archive(path: Path) -> bool:
    """Whether a file begins as those of torch 1.6 and later do."""
    with path.open("rb") as file:
        return file.read(len(ARCHIVE)) == ARCHIVE


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file of safetensors, on the CPU.

    Raises:
        ValueError: If it is damaged, or its list of tensors takes megabytes.
    """
    with path.open("rb") as file:
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
    _require_few_members(file, size)
    with zipfile.ZipFile(file) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if len(members) != len(archive.infolist()) or not members:
            raise _Damaged("members of the same name, or none")
        if any(
            member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size
            for member in members.values()
        ):
            raise _Damaged("a compressed member; torch.save writes none")
        if sum(member.file_size for member in members.values()) > size:
            raise _Damaged("members that are larger than the file")
        root = next(iter(members)).split("/")[0]
        code = members.get(f"{root}/data.pkl")
        if code is None:
            raise _Damaged("no data.pkl")
        if code.file_size > MOST_OPCODE_BYTES:
            raise _Damaged("a data.pkl of many megabytes")
        sizes = {name.removeprefix(f"{root}/data/"): member.file_size for name, member in members.items()}
        _Scan(sizes, size).run(archive.read(code))


def _require_few_members(file: BinaryIO, size: int) -> None:
    """Look at the end of the directory first: an entry in it takes ten times the memory of its bytes."""
    file.seek(max(0, size - LARGEST_END))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 16:
        raise _Damaged("no end of its directory")
    (length,) = struct.unpack("<I", tail[at + 12 : at + 16])
    if min(length, size) > 512 * MOST_MEMBERS and size <= 0xFFFFFFFF:  # beyond, the length stands elsewhere
        raise _Damaged("a directory of many megabytes")


def _require_old_file(file: BinaryIO, size: int) -> None:
    """Before release 1.6: magic number, protocol, system, content and keys, a pickle each, then the bytes."""
    file.seek(0)
    head = file.read(MOST_OPCODE_BYTES)
    start = 0
    for _ in range(5):
        start += _Scan(None, size).run(head[start:])


class _Scan:
    """Runs opcodes without what they make: it sees names, keys and the claims of storages.

    Args:
        sizes: Bytes of each storage by its key; None where the file does not list them.
        size: Bytes of the file.
    """

    def __init__(self, sizes: Mapping[str, int] | None, size: int) -> None:
        self.sizes, self.size = sizes, size
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self, code: bytes) -> int:
        """Return where the code ends.

        Raises:
            _Code: If it does what state dicts have no need of.
            _Damaged: If it is cut off, or a storage claims other bytes than it has.
        """
        try:
            for count, (opcode, argument, place) in enumerate(pickletools.genops(code)):
                if count > MOST_OPCODES:
                    raise _Damaged("hundreds of thousands of values")
                if opcode.name == "STOP":
                    return (place or 0) + 1
                self._step(opcode.name, argument)
        except (IndexError, KeyError) as error:
            raise _Damaged("opcodes that do not fit together") from error
        except UnicodeDecodeError as error:
            raise _Damaged("text that is none") from error
        except (_Code, _Damaged):
            raise
        except ValueError as error:
            raise _Damaged(str(error)) from error
        raise _Damaged("cut off")

    def _step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in PUSHED:
            stack.append({"NEWTRUE": True, "NEWFALSE": False}.get(name, argument))
        elif name in {"BINPUT", "LONG_BINPUT"}:
            self.memo[argument] = stack[-1]
        elif name in {"BINGET", "LONG_BINGET"}:
            stack.append(self.memo[argument])
        elif name == "GLOBAL":
            if argument not in NAMED:
                raise _Code(argument)
            stack.append(_Name(argument))
        elif name == "MARK":
            self.marks.append(stack)
            self.stack = []
        elif name == "EMPTY_TUPLE":
            stack.append(())
        elif name in {"EMPTY_LIST", "EMPTY_DICT"}:
            stack.append(_Made())
        elif name in {"TUPLE1", "TUPLE2", "TUPLE3"}:
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif name == "TUPLE":
            items = self._since_mark()
            self.stack.append(tuple(items))
        elif name == "APPEND":
            stack.pop()
        elif name == "APPENDS":
            self._since_mark()
        elif name == "SETITEM":
            _, key = stack.pop(), stack.pop()
            self._set(stack[-1], [key])
        elif name == "SETITEMS":
            keys = self._since_mark()[::2]
            self._set(self.stack[-1], keys)
        elif name == "BINPERSID":
            self._require_storage(stack.pop())
            stack.append(_Made())
        elif name == "REDUCE":
            arguments, called = stack.pop(), stack.pop()
            if not isinstance(called, _Name) or called.name not in CALLED or not isinstance(arguments, tuple):
                raise _Code("a call")
            if called.name == "collections OrderedDict" and arguments:
                raise _Code("a call")
            stack.append(_Made())
        elif name == "BUILD":
            state = stack.pop()
            if not isinstance(state, _Made) or set(state.keys) - {"_metadata"}:  # versions of a state dict's modules
                raise _Code("a state")
        elif name != "PROTO":
            raise _Code(name)

    def _since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    @staticmethod
    def _set(target: Any, keys: list[Any]) -> None:
        """Tuples as keys could be nested so that their hash takes years."""
        if not isinstance(target, _Made) or not all(isinstance(key, str | int | float) for key in keys):
            raise _Code("a key")
        target.keys.extend(keys)

    def _require_storage(self, claim: Any) -> None:
        """``("storage", type, key, device, numbers, …)``."""
        if not isinstance(claim, tuple) or len(claim) < 5 or not isinstance(claim[1], _Name):
            raise _Code("a persistent object")
        _, kind, key, _, count = claim[:5]
        width = STORAGE_BYTES.get(kind.name.split(" ")[1])
        if width is None or not isinstance(key, str) or not isinstance(count, int) or count < 0:
            raise _Code("a persistent object")
        has = self.size if self.sizes is None else self.sizes[key]
        if count * width > has or (self.sizes is not None and count * width != has):
            raise _Damaged(f"storage {cut(key)} claims {count * width} bytes and has {has}")


def _require_bounded(path: Path, content: Any) -> None:
    """Nothing in a file is larger or deeper than it seems: lists may hold the same list many times, or themselves."""
    waiting = [(content, 0)]
    count = 0
    while waiting:
        value, depth = waiting.pop()
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
        count += 1 + len(inside)
        if depth > MOST_DEPTH or count > MOST_VALUES:
            raise InputError(f"{path}: holds lists that are nested too deeply, or repeat each other without end")
        waiting.extend((item, depth + 1) for item in inside)
