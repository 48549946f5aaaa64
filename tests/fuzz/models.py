"""Models of every method, made small, and mutations of their files: of a checkpoint, and of a bundle's two files."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import torch
import yaml
from torch import Tensor

from tests.fuzz.texts import ANY, change_yaml, named
from tests.fuzz.values import brief, change_structure, plain

Change = Callable[[Any, Random], Any]

INFLATED = 600 << 20
"""Bytes that a packed record becomes."""
SIZES = (0, -1, 1, 2, 3, 100, 20_000, 100_000, 10**9, 2**31, 2**63 - 1, 10**20, 1.5, float("nan"), True, None, "8")


def change_checkpoint(path: Path, rng: Random) -> str:
    """One thing: to what it says, to its weights, to its zip file, or to its bytes."""
    kind = rng.random()
    if _inflates(path):
        return "nothing more"
    if kind < 0.15:
        mutation = rng.choice(ANY)
        path.write_bytes(mutation(path.read_bytes(), rng))
        return named(mutation)
    if kind < 0.25:
        path.write_bytes(change_zip(path.read_bytes(), rng))
        return "another zip file"
    try:
        checkpoint = torch.load(path, weights_only=True)
    except Exception:  # it was broken before
        return "nothing more"
    if not isinstance(checkpoint, dict):  # the last mutation made it something else
        return "nothing more"
    if kind < 0.6:
        done = (
            change_description(checkpoint["refine"], rng, hostile) if isinstance(checkpoint.get("refine"), dict) else ""
        )
    elif kind < 0.9:
        done = change_weights(checkpoint.get("state_dict"), rng)
    else:
        done, checkpoint = change_structure(checkpoint, rng, hostile)
    changed = io.BytesIO()
    try:
        torch.save(checkpoint, changed)
    except Exception:  # no file can hold it: too deep, or weights without values
        return "nothing more"
    path.write_bytes(changed.getvalue())
    return done


def _inflates(path: Path) -> bool:
    """Whether the last mutation made it a bomb: reading it takes more than the fuzzer allows itself."""
    try:
        with zipfile.ZipFile(path) as file:
            return sum(info.file_size for info in file.infolist()) > INFLATED
    except Exception:  # it was broken before
        return False


def change_bundle(folder: Path, rng: Random) -> str:
    """One thing to its description or its weights."""
    weights, description = folder / "model.safetensors", folder / "model.yaml"
    kind = rng.random()
    if kind < 0.3:
        description.write_bytes(change_yaml(description.read_bytes(), rng))
        return "model.yaml: change yaml"
    if kind < 0.6:
        text = description.read_bytes()
        try:
            content = None if b"*" in text else yaml.safe_load(text)  # aliases may be a bomb of the last mutation
        except Exception:  # it was broken before
            return "nothing more"
        if not isinstance(content, dict):
            return "nothing more"
        done = change_description(content, rng, plain)
        try:
            text = yaml.safe_dump(content, sort_keys=False).encode("utf-8", "surrogatepass")
        except Exception:  # no text can hold it: too deep
            return "nothing more"
        description.write_bytes(text)
        return f"model.yaml: {done}"
    path = rng.choice([weights, weights, description])
    mutation = rng.choice(ANY) if path == description or kind < 0.8 else change_safetensors
    path.write_bytes(mutation(path.read_bytes(), rng))
    return f"{path.name}: {named(mutation)}"


def change_description(description: dict[str, Any], rng: Random, other: Callable[[Random], Any]) -> str:
    """One field, one argument, or any place."""
    arguments = description.get("init_args")
    kind = rng.random()
    if kind < 0.35 and isinstance(arguments, dict) and arguments:
        name = rng.choice(sorted(arguments, key=str))
        arguments[name] = rng.choice(SIZES) if rng.random() < 0.6 else other(rng)
        return f"{name} is {brief(arguments[name])}"
    if kind < 0.5:
        name = rng.choice(["format", "class_path", "state", "init_args", "steps_done", "versions"])
        description[name] = rng.choice(SIZES) if rng.random() < 0.3 else other(rng)
        return f"{name} is {brief(description[name])}"
    if kind < 0.6:
        state = description.get("state")
        new = rng.choice([[0, 0], [-1, 5], [10**9, 10**9], [1, 2, 3], ["a", "b"], "16x16", 7, [[1], 2], [1e9, 1]])
        if isinstance(state, dict):
            state["working_size"] = new
        return f"working_size is {new}"
    if kind < 0.7:
        ours = ("Task", "CycleGAN", "FDA", "base.Method", "simgan.SimGAN", "checkpoint.load_method", "x" * 20000, "é.é")
        paths = [*(f"refine.methods.{name}" for name in ours), "os.system", "refine.cli.main"]
        description["class_path"] = rng.choice(paths)
        return f"class_path is {description['class_path'][:40]}"
    return change_structure(description, rng, other)[0]


def hostile(rng: Random) -> Any:
    """A plain value, or what `torch.load` also lets through."""
    if rng.random() < 0.6:
        return plain(rng)
    loop: list[Any] = []
    loop.append(loop)
    return rng.choice(
        [torch.tensor(1), torch.zeros(3, 2), loop, {1: 2}, {None: 1}, (1, 2), b"bytes", torch.float32, {1, 2}, 1j]
    )


def change_weights(weights: Any, rng: Random) -> str:
    """Another tensor in one's place, or a name more or less."""
    if not isinstance(weights, dict) or not weights:
        return "nothing more"
    name = rng.choice(sorted(map(str, weights)))
    kind = rng.randrange(6)
    if kind == 0:
        weights.pop(name, None)
        return f"{name[:40]} is gone"
    if kind == 1:
        weights[rng.choice(["x" * 20000, "", "a\nb", name + ".x"])] = weights.get(name)
        return f"{name[:40]} twice"
    if kind == 2:
        weights[name] = hostile(rng)
        return f"{name[:40]} is {brief(weights[name])}"
    weight = weights.get(name)
    if not isinstance(weight, Tensor):
        return "nothing more"
    made = rng.choice(TENSORS)
    try:
        weights[name] = made(weight)
    except Exception:  # this one has no such form
        weights[name] = torch.zeros(())
    new = weights[name]
    return f"{name[:40]} is {new.dtype} {new.layout} {new.device} {tuple(new.shape)}"


TENSORS: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda weight: weight.to_sparse(),
    lambda weight: weight.flatten(1).to_sparse_csr(),
    lambda weight: torch.sparse_coo_tensor(torch.tensor([[0]]), torch.tensor([1.0]), (10**12,)),
    lambda weight: torch.quantize_per_tensor(weight.float(), 0.1, 0, torch.qint8),
    lambda weight: weight.to(torch.complex64),
    lambda weight: weight.to("meta"),
    lambda weight: torch.empty(10**6, 10**6, device="meta"),
    lambda weight: weight.double(),
    lambda weight: weight.half(),
    lambda weight: weight.bfloat16(),
    lambda weight: weight.to(torch.float8_e5m2),
    lambda weight: weight.long(),
    lambda weight: weight.bool(),
    lambda weight: weight[None],
    lambda weight: weight[:0],
    lambda weight: weight.flatten(),
    lambda weight: weight.mT.contiguous().mT,
    lambda weight: torch.zeros(1).expand(weight.shape),
    lambda weight: torch.zeros(1).expand(10**5, 10**5),
    lambda weight: torch.full_like(weight, torch.nan),
    lambda weight: torch.full_like(weight, torch.inf),
    lambda weight: weight * 1e30,
    lambda weight: torch.nn.Parameter(weight),
)


def change_zip(data: bytes, rng: Random) -> bytes:
    """Other records in a checkpoint's zip file: fewer, twice, packed, larger than they say, with other pickles."""
    buffer = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as old:
            records = [(info.filename, old.read(info)) for info in old.infolist()]
    except Exception:  # it was broken before
        return data[: len(data) // 2]
    at = rng.randrange(len(records))
    name, content = records[at]
    pickles = [index for index, record in enumerate(records) if record[0].endswith("data.pkl")]
    kind = rng.randrange(6)
    if kind == 0:
        del records[at]
    elif kind == 1:
        records.append((rng.choice([name, "../../x", "/tmp/x", "archive/data/999"]), content))
    elif kind == 2:
        records[at] = name, rng.choice([content[:-1], b"", content * 3, bytes(64 << 20)])
    elif kind == 3 and pickles:
        pickle = records[pickles[0]][1]
        records[pickles[0]] = records[pickles[0]][0], rng.choice(ANY)(pickle, rng)
    elif kind == 4 and pickles:  # whole numbers of one and two bytes: sizes, strides and offsets of tensors
        numbered = bytearray(records[pickles[0]][1])
        numbers = [index for index, byte in enumerate(numbered[:-2]) if byte in b"KM"]
        for index in rng.sample(numbers, min(3, len(numbers))):
            numbered[index + 1] = rng.randrange(256)
        records[pickles[0]] = records[pickles[0]][0], bytes(numbered)
    packed = zipfile.ZIP_DEFLATED if kind == 5 or rng.random() < 0.2 else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", packed, compresslevel=1) as new:
        for record, content in records:
            new.writestr(record, bytes(INFLATED) if kind == 5 and record == name else content)
    return buffer.getvalue()


def change_safetensors(data: bytes, rng: Random) -> bytes:
    """Another header, in a file whose header has the length that it says."""
    (length,) = struct.unpack("<Q", data[:8].ljust(8, b"\0"))
    try:
        header = json.loads(data[8 : 8 + length])
    except ValueError:  # it was broken before
        return data[:8]
    names = [name for name in header if name != "__metadata__"] or ["x"]
    entry = header.setdefault(rng.choice(names), {})
    kind = rng.randrange(5)
    if kind == 0:
        entry["shape"] = rng.choice([[], [0], [10**9], [2**40, 2**40], [-1], [1.5], "a", [1] * 5000])
    elif kind == 1:
        entry["dtype"] = rng.choice(["F64", "F16", "BF16", "I64", "BOOL", "F8_E4M3", "C64", "x", 7])
    elif kind == 2:
        entry["data_offsets"] = rng.choice([[0, 10**12], [-1, 4], [4, 0], [0, 0], [0], "a"])
    elif kind == 3:
        header[rng.choice(["x" * 20000, "", "a\nb"])] = entry
    else:
        change_structure(header, rng)
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    return struct.pack("<Q", rng.choice([len(text)] * 8 + [0, 2**63, 10**9])) + text + data[8 + length :]
