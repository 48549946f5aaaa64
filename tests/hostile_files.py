"""Writers of checkpoints and bundles that are good but for one thing, for `tests.hostile_checkpoints`."""

import io
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from refine.interop.bundle import write_bundle
from refine.methods import CUT, CycleGAN, SimGAN
from refine.methods.base import Method
from refine.methods.checkpoint import DESCRIPTION, WEIGHTS

Writer = Callable[[Path], Path]
"""Writes one file or folder below a folder, and returns its path."""
LONG = "name" * 5000


def simgan() -> SimGAN:
    """A small network that refines gray or RGB images."""
    return SimGAN(channels=3, features=4, blocks=1)


def checkpoint_of(method: Method) -> dict[str, Any]:
    """What `refine fit` stores of a method that has not begun, but for what Lightning adds."""
    stored: dict[str, Any] = {"state_dict": method.state_dict(), "epoch": 0, "global_step": 0}
    stored["pytorch-lightning_version"] = "2.6.0"
    method.on_save_checkpoint(stored)
    return stored


def ckpt(change: Callable[[dict[str, Any]], object], make: Callable[[], Method] = simgan) -> Writer:
    """A writer of a ``.ckpt`` that is good but for a change of its content, in place."""

    def write(folder: Path) -> Path:
        stored = checkpoint_of(make())
        change(stored)
        torch.save(stored, folder / "hostile.ckpt")
        return folder / "hostile.ckpt"

    return write


def bundle(change: Callable[[Path], object], make: Callable[[], Method] = simgan) -> Writer:
    """A writer of a bundle that is good but for a change of its folder."""

    def write(folder: Path) -> Path:
        write_bundle(make(), folder / "hostile")
        change(folder / "hostile")
        return folder / "hostile"

    return write


def described(old: str, new: str, make: Callable[[], Method] = simgan) -> Writer:
    """A bundle with another line in its description."""

    def change(folder: Path) -> None:
        text = (folder / DESCRIPTION).read_text()
        assert old in text, old
        (folder / DESCRIPTION).write_text(text.replace(old, new, 1))

    return bundle(change, make)


def put(key: str, value: Any) -> Writer:
    """A checkpoint with another entry."""
    return ckpt(lambda stored: stored.update({key: value}))


def said(**entries: Any) -> Writer:
    """A checkpoint whose description says something else."""
    return ckpt(lambda stored: stored["refine"].update(entries))


def built(make: Callable[[], Method] = simgan, **arguments: Any) -> Writer:
    """A checkpoint with other arguments."""
    return ckpt(lambda stored: stored["refine"]["init_args"].update(arguments), make)


def weighed(value: Any, name: str = "refiner.head.weight") -> Writer:
    """A checkpoint with another weight; a function makes it of the good one."""

    def change(stored: dict[str, Any]) -> None:
        good = stored["state_dict"][name]
        stored["state_dict"][name] = value(good) if callable(value) else value

    return ckpt(change)


def sized(size: Any) -> Writer:
    """A checkpoint with another working size."""
    return ckpt(lambda stored: stored["refine"]["state"].update(working_size=size))


def rezipped(change: Callable[[str, bytes], bytes], compression: int = zipfile.ZIP_STORED) -> Writer:
    """A checkpoint with other members."""

    def write(folder: Path) -> Path:
        path = ckpt(lambda stored: None)(folder)
        with zipfile.ZipFile(path) as old:
            members = {name: old.read(name) for name in old.namelist()}
        with zipfile.ZipFile(path, "w", compression) as new:
            for name, content in members.items():
                new.writestr(name, change(name.split("/", 1)[1], content))
        return path

    return write


def opcodes(code: bytes) -> Writer:
    """A checkpoint whose content is made by other opcodes."""
    return rezipped(lambda name, content: code if name == "data.pkl" else content)


def spanning_disks(folder: Path) -> Path:
    """A checkpoint whose archive says that it is one of several."""
    path = ckpt(lambda stored: None)(folder)
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x06\x07") + 16] = 2
    path.write_bytes(data)
    return path


def quantized(good: Tensor) -> Tensor:
    return torch.quantize_per_tensor(good, 0.1, 0, torch.qint8)


def enlarged(name: str, content: bytes) -> bytes:
    """Small storages claim 255 numbers, whatever their members have."""
    if name != "data.pkl":
        return content
    return re.sub(rb"(cpuq.)K.tq", lambda found: found[1] + b"K\xfftq", content, flags=re.DOTALL)


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def itself() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def doubling(levels: int) -> list[Any]:
    value: list[Any] = ["x"]
    for _ in range(levels):
        value = [value, value]
    return value


def tuples_as_key(levels: int) -> bytes:
    """Opcodes of a dictionary whose key is a tuple of two tuples of two tuples: its hash visits 2^levels."""
    code = b"\x80\x02})"
    for number in range(levels):
        code += b"q" + bytes([number]) + b"h" + bytes([number]) + b"\x86"
    return code + b"Ns."


def safetensors_with_header(length: int, header: bytes = b"{}") -> Callable[[Path], object]:
    return lambda folder: (folder / WEIGHTS).write_bytes(struct.pack("<Q", length) + header)


class Code:
    """Would run when it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return bytearray, (1 << 33,)


def legacy(folder: Path) -> Path:
    buffer = io.BytesIO()
    torch.save(checkpoint_of(simgan()), buffer, _use_new_zipfile_serialization=False)
    (folder / "hostile.ckpt").write_bytes(buffer.getvalue())
    return folder / "hostile.ckpt"


def raw(content: bytes) -> Writer:
    def write(folder: Path) -> Path:
        (folder / "hostile.ckpt").write_bytes(content)
        return folder / "hostile.ckpt"

    return write


def cyclegan() -> CycleGAN:
    return CycleGAN(features=4, blocks=1, discriminator_features=4, discriminator_layers=1)


def unet() -> CycleGAN:
    return CycleGAN(architecture="unet", features=1, blocks=5, discriminator_features=4, discriminator_layers=1)


def cut_method() -> CUT:
    return CUT(features=4, blocks=1, discriminator_features=4, projection_features=4, nce_layers=(0, 4))


def with_statistics(make: Callable[[], Method]) -> Callable[[], Method]:
    def fitted() -> Method:
        method: Any = make()
        for statistics in method.statistics().values():
            statistics.add(torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1)
        return method  # type: ignore[no-any-return]  # it was a Method

    return fitted


def without_statistics(make: Callable[[], Method]) -> Writer:
    return bundle(lambda folder: None, make)


def bundle_weights(change: Callable[[dict[str, Tensor]], object], make: Callable[[], Method] = simgan) -> Writer:
    """A bundle with other tensors."""

    def rewrite(folder: Path) -> None:
        weights = safetensors.torch.load_file(folder / WEIGHTS)
        weights = {name: weight.clone() for name, weight in weights.items()}
        change(weights)
        safetensors.torch.save_file(weights, folder / WEIGHTS)

    return bundle(rewrite, make)
