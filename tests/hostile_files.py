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


Patch = Callable[[bytearray], object]


def patched(change: Patch) -> Writer:
    """A checkpoint with other bytes, in place."""

    def write(folder: Path) -> Path:
        path = ckpt(lambda stored: None)(folder)
        data = bytearray(path.read_bytes())
        change(data)
        path.write_bytes(data)
        return path

    return write


LARGE_END, LOCATOR, END = 98, 42, 22
"""Bytes from an archive's records of its directory to the end of the file."""


def numbers(data: bytearray, place: int, *values: int) -> None:
    """Write 64-bit numbers from a place on, which counts from the end if it is negative."""
    place %= len(data)
    data[place : place + 8 * len(values)] = struct.pack(f"<{len(values)}Q", *values)


def archived(code: bytes) -> bytes:
    """An archive that holds only these opcodes, and no records of its directory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", code)
        archive.writestr("archive/version", b"3\n")
        archive.writestr("archive/byteorder", b"little")
    return buffer.getvalue()


def two_directories(code: bytes) -> Writer:
    """A file whose end has a good directory right before it, as `zipfile` looks for it, and says that another one,
    of hostile opcodes, is where torch looks for it: at the place that it says."""

    def write(folder: Path) -> Path:
        hostile = archived(code + b"\0" * 20_000)
        good = archived(b"\x80\x02}.")
        parts = []
        for content in (hostile, good):
            length, begin = struct.unpack("<II", content[-10:-2])
            parts.append((content[:begin], content[begin : begin + length]))
        (hostile_members, directory), (good_members, other) = parts
        shift = len(hostile_members) - len(good_members)
        moved = bytearray(other)
        for found in re.finditer(b"PK\x01\x02", other):  # so that `zipfile` comes to the good members
            place = found.start() + 42
            moved[place : place + 4] = struct.pack("<I", struct.unpack("<I", other[place : place + 4])[0] + shift)
        end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 3, 3, len(directory), len(hostile_members), 0)
        (folder / "hostile.ckpt").write_bytes(hostile_members + directory + good_members + moved + end)
        return folder / "hostile.ckpt"

    return write


def many_entries(folder: Path) -> Path:
    """An end that says one entry, and a large end that says six hundred thousand."""
    header = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"a"
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, *[0] * 7, 1, *[0] * 6) + b"a"
    count, place = 600_000, len(header)
    directory = entry * count
    large = (b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(directory), place)
    end = struct.pack("<4sQ2H2I4Q", *large) + struct.pack("<4sIQI", b"PK\x06\x07", 0, place + len(directory), 1)
    end += struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), place, 0)
    (folder / "hostile.ckpt").write_bytes(header + directory + end)
    return folder / "hostile.ckpt"


def in_capitals(folder: Path) -> Path:
    """A good ``data.pkl`` and a hostile one in capitals: torch's reader may take either."""
    path = ckpt(lambda stored: None)(folder)
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
        new.writestr(f"{next(iter(members)).split('/')[0]}/DATA.pkl", tuples_as_key(60))
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


def written(content: Any) -> Writer:
    """A file of `torch.save` that holds something else."""

    def write(folder: Path) -> Path:
        torch.save(content, folder / "hostile.ckpt")
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
