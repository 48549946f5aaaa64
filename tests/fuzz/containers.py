"""Mutations of files that hold many images: tar shards by their headers and members, HDF5 by its datasets."""

import io
import tarfile
import zipfile
from pathlib import Path
from random import Random

import numpy as np

from tests.fuzz.texts import ANY, BY_SUFFIX, TEXT, Mutation

SIZE, SUM = slice(124, 136), slice(148, 156)
"""Where a tar's header says its member's size, and the sum of its bytes."""


def change_member(data: bytes, rng: Random) -> bytes:
    """Another content of one member, by its kind."""
    from tests.fuzz.pictures import IMAGES

    members = _members(data)
    if not members:
        return rng.choice(ANY)(data, rng)
    at = rng.randrange(len(members))
    info, content = members[at]
    suffix = Path(info.name).suffix
    choices: tuple[Mutation, ...] = IMAGES if suffix in {".png", ".jpg"} else BY_SUFFIX.get(suffix, TEXT)
    members[at] = info, rng.choice(choices)(content, rng)
    return _tar(members, rng)


def strange_member(data: bytes, rng: Random) -> bytes:
    """A member that is no plain file, or leads elsewhere, or has the name of another."""
    members = _members(data)
    names = [info.name for info, _ in members] or ["000000.png"]
    info = tarfile.TarInfo(
        rng.choice([rng.choice(names), "000000.seg.png", "../../x.png", "/tmp/x.png", "z/../../y.cls"])
    )
    kinds = [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.FIFOTYPE,
        tarfile.DIRTYPE,
        tarfile.REGTYPE,
        b"S",
        b"V",
    ]
    info.type = rng.choice(kinds)
    info.linkname = rng.choice(["../../x", "/etc/passwd", rng.choice(names), info.name, "/dev/zero"])
    if rng.random() < 0.3:
        info.name = rng.choice(
            ["a" * 5000 + ".png", "é\u202e.png", ".png", "a/.png", "000000.", "000000.PNG", "\udcff.png"]
        )
    if rng.random() < 0.2:
        info.pax_headers = rng.choice(
            [{"size": "99999999999"}, {"path": "../../x.png"}, {"GNU.sparse.map": "0,9"}, {"a": "b" * 10**6}]
        )
    members.insert(rng.randrange(len(members) + 1), (info, b"1" if info.type == tarfile.REGTYPE else b""))
    return _tar(members, rng)


def change_order(data: bytes, rng: Random) -> bytes:
    members = _members(data)
    kind = rng.randrange(3)
    if kind == 0:
        rng.shuffle(members)
    elif members:
        at = rng.randrange(len(members))
        members = members[:at] + members[at + 1 :] if kind == 1 else [*members, members[at]]
    return _tar(members, rng)


def change_tar_header(data: bytes, rng: Random) -> bytes:
    """Another size, or a byte of a header, with a sum that fits."""
    starts = [info.offset for info, _ in _members(data)]
    if not starts:
        return rng.choice(ANY)(data, rng)
    at = rng.choice(starts)
    header = bytearray(data[at : at + 512])
    if rng.random() < 0.5:
        header[SIZE] = rng.choice(
            [b"77777777777\0", b"\x80" + b"\0" * 3 + b"\x7f" * 8, b"\xff" * 12, b"0" * 12, b"-0000000001\0"]
        )
    else:
        header[rng.randrange(512)] = rng.randrange(256)
    if rng.random() < 0.8:
        header[SUM] = b" " * 8
        header[SUM] = b"%06o\0 " % sum(header)
    return data[:at] + bytes(header) + data[at + 512 :]


def _members(data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    found = []
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for info in tar:
                file = tar.extractfile(info) if info.isreg() and info.size < 1 << 20 else None
                found.append((info, file.read() if file else b""))
    except Exception:  # it was broken before
        return found
    return found


def _tar(members: list[tuple[tarfile.TarInfo, bytes]], rng: Random) -> bytes:
    buffer = io.BytesIO()
    kinds = [tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]
    for kind in [rng.choice(kinds), tarfile.GNU_FORMAT]:
        buffer = io.BytesIO()
        try:
            with tarfile.open(fileobj=buffer, mode="w" if rng.random() < 0.95 else "w:gz", format=kind) as tar:
                for info, content in members:
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
        except (ValueError, UnicodeEncodeError):  # a name that this kind cannot hold
            continue
        return buffer.getvalue()
    return buffer.getvalue()


def change_dataset(data: bytes, rng: Random) -> bytes:
    """A dataset of another type or shape, a link, a group, or none."""
    import h5py

    buffer = io.BytesIO(data)
    try:
        with h5py.File(buffer, "r+") as file:
            name = rng.choice(sorted(file) or ["colors"])
            old = file[name]
            shape, values = (old.shape, old[()]) if isinstance(old, h5py.Dataset) else ((), 0)
            del file[name]
            kind = rng.randrange(10)
            if kind == 0:
                file.create_dataset(name, (10**6, 10**6, 3), "u1", chunks=(1024, 1024, 3))
            elif kind == 1:
                file[name] = np.zeros(shape, rng.choice(["f8", "i8", "u2", "?", "S5", "c16"]))
            elif kind == 2:
                file[name] = rng.choice(
                    [np.float64(np.nan), np.int64(-1), "text", np.zeros((0, 3), "u1"), np.zeros(5, "u1")]
                )
            elif kind == 3:
                file[name] = h5py.ExternalLink("../canary/kept.h5", "/colors")
            elif kind == 4:
                file[name] = h5py.SoftLink(rng.choice([f"/{name}", "/nothing", "/"]))
            elif kind == 5:
                file.create_group(name)[name] = [1]
            elif kind == 6:
                file.create_dataset(name, (3,), h5py.string_dtype())[:] = ["a", "b" * 10000, "é"]
            elif kind == 7:
                file.create_dataset(name, (2,), [("a", "i4"), ("b", h5py.vlen_dtype("f4"))])
            elif kind == 8 and isinstance(values, np.ndarray) and values.ndim > 1:
                file[name] = rng.choice([values[:-1], values.T, values[None], np.stack([values] * 3), values[..., 0]])
            elif kind == 9 and isinstance(values, np.ndarray) and values.dtype.kind in "fu":
                file[name] = rng.choice([values.astype("f4") + np.nan, values * 0 + values.max() + 1, values // 2 + 90])
    except Exception:  # it was broken before
        return rng.choice(ANY)(data, rng)
    return buffer.getvalue()


def strange_dataset(data: bytes, rng: Random) -> bytes:
    """A second name of a dataset, chunks of one value, or lists that all refer to the same bytes."""
    import h5py

    buffer, kind, count, start = io.BytesIO(data), rng.randrange(3), 2000, 0
    try:
        with h5py.File(buffer, "r+") as file:
            name = rng.choice(sorted(file) or ["colors"])
            if kind == 0:
                file[rng.choice(["a", "zz", "colors_0", "depth"])] = file[name]
            elif kind == 1:
                file.create_dataset("dust", (60 << 20,), "u1", chunks=(1,))
            else:
                lists = file.create_dataset("lists", (count,), h5py.vlen_dtype(np.uint8))
                lists[:] = [np.zeros(1 << 20 if at == 0 else 1, np.uint8) for at in range(count)]
                start = lists.id.get_offset()
    except Exception:  # it was broken before
        return rng.choice(ANY)(data, rng)
    changed = bytearray(buffer.getvalue())
    if kind == 2:
        changed[start : start + 16 * count] = changed[start : start + 16] * count
    return bytes(changed)


def change_npz(data: bytes, rng: Random) -> bytes:
    """A header that claims more or nests without end, an array without an archive, or one that unpacks to much."""
    buffer, kind = io.BytesIO(), rng.randrange(4)
    header = rng.choice([b"(" * 9000, b"{'descr': '<i8', 'fortran_order': False, 'shape': (10000000000,)}"])
    if kind == 0:
        np.save(buffer, np.zeros(4, np.int64))
        return buffer.getvalue()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("labels", "folds", "digest", "predictions"):
            content = bytes(200 << 20) if kind == 1 else header
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + content)
    return buffer.getvalue()


def unending_header(data: bytes, rng: Random) -> bytes:
    """A tar whose last header says more of a next member than memory can hold; a hole may follow."""
    info = tarfile.TarInfo("x")
    info.type = rng.choice([tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
    info.size = 1 << 31
    whole = data.rstrip(b"\0")
    return whole + bytes(-len(whole) % 512) + info.tobuf(tarfile.GNU_FORMAT)


TARS: tuple[Mutation, ...] = (
    *(change_member, change_member, strange_member, strange_member),
    change_order,
    *(change_tar_header, unending_header),
    *ANY,
)
HDF5: tuple[Mutation, ...] = (*(change_dataset,) * 3, *(strange_dataset,) * 4, *ANY, *ANY)
NPZ: tuple[Mutation, ...] = (*(change_npz,) * 8, *ANY)
