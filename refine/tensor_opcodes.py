"""The opcodes of a file of `torch.save`, run without what they make."""

import pickletools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from refine.archives import Damaged
from refine.files import cut

MOST_OPCODES = 200_000
"""Dozens for each tensor."""

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
    "torch.nn.parameter Parameter",
    "torch.serialization _get_layout",
    "torch Size",
}
"""Functions that an opcode may call. Tensors that are not dense are refused by name later: they take no memory."""

NAMED = {
    *CALLED,
    *(f"torch {name}" for name in vars(torch) if isinstance(getattr(torch, name), torch.dtype | torch.qscheme)),
    *(f"torch {name}" for name in STORAGE_BYTES),
    "torch.storage UntypedStorage",
}
"""Everything that an opcode may name."""

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


class Code(ValueError):
    """A file that holds more than state dicts have need of."""


@dataclass(frozen=True)
class _Name:
    name: str


@dataclass
class _Made:
    """A list, dictionary or tensor: what is in it is looked at when it is there."""

    keys: list[Any] = field(default_factory=list)


@dataclass
class _List(_Made):
    items: list[Any] = field(default_factory=list)


class Scan:
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
            Code: If it does what state dicts have no need of.
            Damaged: If it is cut off, or a storage claims other bytes than it has.
        """
        try:
            for count, (opcode, argument, place) in enumerate(pickletools.genops(code)):
                if count > MOST_OPCODES:
                    raise Damaged("hundreds of thousands of values")
                if opcode.name == "STOP":
                    return (place or 0) + 1
                self._step(opcode.name, argument)
        except (IndexError, KeyError) as error:
            raise Damaged("opcodes that do not fit together") from error
        except UnicodeDecodeError as error:
            raise Damaged("text that is none") from error
        except (Code, Damaged):
            raise
        except ValueError as error:
            raise Damaged(str(error)) from error
        raise Damaged("cut off")

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
                raise Code(argument)
            stack.append(_Name(argument))
        elif name == "MARK":
            self.marks.append(stack)
            self.stack = []
        elif name == "EMPTY_TUPLE":
            stack.append(())
        elif name in {"EMPTY_LIST", "EMPTY_DICT"}:
            stack.append(_List() if name == "EMPTY_LIST" else _Made())
        elif name in {"TUPLE1", "TUPLE2", "TUPLE3"}:
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif name == "TUPLE":
            items = self._since_mark()
            self.stack.append(tuple(items))
        elif name == "APPEND":
            item = stack.pop()
            self._append(stack[-1], [item])
        elif name == "APPENDS":
            items = self._since_mark()
            self._append(self.stack[-1], items)
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
                raise Code("a call")
            stack.append(_Made(self._keys(*arguments) if called.name == "collections OrderedDict" else []))
        elif name == "BUILD":
            state = stack.pop()
            versions = isinstance(state, _Made) and not set(state.keys) - {"_metadata"}  # of a state dict's modules
            flags = isinstance(state, tuple) and len(state) == 3 and isinstance(state[2], _Made)  # of a parameter
            if not (versions or (flags and set(map(type, state[:2])) == {bool})):
                raise Code("a state")
        elif name != "PROTO":
            raise Code(name)

    @staticmethod
    def _append(target: Any, items: list[Any]) -> None:
        if not isinstance(target, _List):
            raise Damaged("items of what is not a list")
        target.items.extend(items)

    @classmethod
    def _keys(cls, *arguments: Any) -> list[Any]:
        """Return the keys of an ordered dictionary, which Python 2 made of a list of lists of two."""
        if not arguments:
            return []
        if len(arguments) != 1 or not isinstance(arguments[0], _List):
            raise Code("a call")
        pairs = [pair.items for pair in arguments[0].items if isinstance(pair, _List) and len(pair.items) == 2]
        if len(pairs) != len(arguments[0].items):
            raise Code("a call")
        made = _Made()
        cls._set(made, [key for key, _ in pairs])
        return made.keys

    def _since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    @staticmethod
    def _set(target: Any, keys: list[Any]) -> None:
        """Add keys of a dictionary: text and numbers alone, since nested tuples could take years to hash."""
        if not isinstance(target, _Made) or not all(isinstance(key, str | int | float) for key in keys):
            raise Code("a key")
        target.keys.extend(keys)

    def _require_storage(self, claim: Any) -> None:
        """``("storage", type, key, device, numbers, …)``."""
        if not isinstance(claim, tuple) or len(claim) < 5 or not isinstance(claim[1], _Name):
            raise Code("a persistent object")
        _, kind, key, _, count = claim[:5]
        width = STORAGE_BYTES.get(kind.name.split(" ")[1])
        if width is None or not isinstance(key, str) or not isinstance(count, int) or count < 0:
            raise Code("a persistent object")
        has = self.size if self.sizes is None else self.sizes[key]
        if count * width > has or (self.sizes is not None and count * width != has):
            raise Damaged(f"storage {cut(key)} claims {count * width} bytes and has {has}")
