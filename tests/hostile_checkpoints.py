"""Checkpoints and bundles that a stranger could have made: what each breaks, and how it comes to disk.

Imported by the tests of refusals, and by whoever measures their time and memory.
"""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from refine.methods import FDA, ColorTransfer, CycleGAN, HistogramMatching
from refine.methods.checkpoint import DESCRIPTION, WEIGHTS
from tests.hostile_files import (
    END,
    LARGE_END,
    LOCATOR,
    LONG,
    Code,
    Writer,
    built,
    bundle,
    bundle_weights,
    ckpt,
    cut_method,
    cyclegan,
    described,
    doubling,
    enlarged,
    in_capitals,
    itself,
    legacy,
    many_entries,
    nested,
    numbers,
    opcodes,
    patched,
    put,
    quantized,
    raw,
    rezipped,
    safetensors_with_header,
    said,
    sized,
    tuples_as_key,
    two_directories,
    unet,
    weighed,
    with_statistics,
    without_statistics,
)

GOOD: dict[str, Writer] = {
    "checkpoint": ckpt(lambda stored: None),
    "bundle": bundle(lambda folder: None),
    "half precision": weighed(lambda good: good.half()),
    "bfloat16": weighed(lambda good: good.bfloat16()),
    "double": weighed(lambda good: good.double()),
    "transposed": weighed(lambda good: good.transpose(0, 1).contiguous().transpose(0, 1)),
    "cyclegan": bundle(lambda folder: None, cyclegan),
    "average": bundle(lambda folder: None, lambda: CycleGAN(features=4, blocks=1, discriminator_features=4, ema=0.9)),
    "unet": bundle(lambda folder: None, unet),
    "cut": ckpt(lambda stored: None, cut_method),
    "fda": bundle(lambda folder: None, with_statistics(lambda: FDA(beta=0.1, size=(16, 16)))),
    "color transfer": ckpt(lambda stored: None, with_statistics(ColorTransfer)),
    "histograms": bundle(lambda folder: None, with_statistics(HistogramMatching)),
}
"""What is taken by `refine apply`, of every kind."""

FORMAT, CLASS, BLOCKS = "format: 1", "class_path: refine.methods.simgan.SimGAN", "blocks: 1"
BOMB = "[&a0 [x, x], " + ", ".join(f"&a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)) + "]"
MERGES = "{<<: [" + ", ".join(["{a: 1}"] * 100) + "]}"

SCALARS = {
    "timestamp": "!!timestamp 2020-99-99",
    "timestamp without tag": "2020-99-99",
    "int": "!!int nonsense",
    "float": "!!float nonsense",
    "bool": "!!bool nonsense",
    "binary": "!!binary '*'",
    "digits": "7" * 5000,
    "hundred digits": "7" * 100,
    "negative digits": "-" + "7" * 5000,
    "infinite": ".inf",
    "not a number": ".nan",
    "nested": "[" * 5000 + "]" * 5000,
    "nested mappings": "{a: " * 5000 + "}" * 5000,
    "not closed": "[" * 100_000,
    "aliases": BOMB,
    "itself": "&a [*a]",
    "merges": MERGES,
    "merged itself": "&a {<<: *a}",
    "object": "!!python/object/apply:os.system [true]",
    "list": "[1]",
    "mapping": "{a: 1}",
    "nothing": "~",
    "text": "nonsense",
    "long": LONG,
    "wide": "[" + "1, " * 150_000 + "]",
    "fraction": "1.5",
    "truth": "yes",
    "complex key": "{? [a, b] : c}",
    "null byte": '"\\0"',
}


def _scalars() -> Iterator[tuple[str, Writer]]:
    lines = {"format": FORMAT, "class_path": CLASS, "blocks": BLOCKS, "working_size": "working_size: null"}
    for name, scalar in SCALARS.items():
        for field, line in lines.items():
            if (field, name) != ("working_size", "nothing"):
                yield f"{field}: {name}", described(line, f"{line.split(':')[0]}: {scalar}")


NOT_PLAIN: dict[str, Any] = {
    "dict": {"a": 1},
    "tensor": torch.ones(()),
    "tensors": torch.ones(3),
    "float": 1.5,
    "list": [1],
    "itself": itself(),
    "nested": nested(100),
    "doubling": doubling(60),
    "text": "nonsense",
    "long": LONG,
    "true": True,
    "bytes": b"abc",
    "storage": torch.ones(3).untyped_storage(),
    "size": torch.Size([1]),
    "type": torch.float32,
    "integer": 2**500,
    "key": {1: 2},
    "ordered": OrderedDict(a=1),
    "set": {1, 2},
}


def _not_plain() -> Iterator[tuple[str, Writer]]:
    for name, value in NOT_PLAIN.items():
        if name != "true":
            yield f"format is {name}", said(format=value)
        yield f"class_path is {name}", said(class_path=value)
        yield f"init_args is {name}", said(init_args=value)
        yield f"state is {name}", said(state=value)
        yield f"refine is {name}", put("refine", value)
        yield f"state_dict is {name}", put("state_dict", value)
        yield f"weight is {name}", weighed(value)
        yield f"blocks is {name}", built(blocks=value)
        yield f"seed is {name}", built(seed=value)
        yield f"working_size is {name}", sized(value)
        if name not in {"text", "long"}:
            yield f"feature_map is {name}", built(feature_map=value)
        if name != "float":
            yield f"self_weight is {name}", built(self_weight=value)
    yield "format is true", said(format=True)


SIZES: dict[str, Writer] = {
    **{f"blocks {n}": built(blocks=n) for n in (-1, 0, 2, 100_000, 10**9, 2**62, 10**30)},
    **{f"features {n}": built(features=n) for n in (-1, 0, 5, 20_000, 10**9, 2**62)},
    **{f"channels {n}": built(channels=n) for n in (-1, 0, 1, 2, 10**9)},
    **{f"history_size {n}": built(history_size=n) for n in (-1, 2**63)},
    **{f"steps {n}": built(steps=n) for n in (-1, 2**63)},
    **{f"seed {n}": built(seed=n) for n in (2**64, -(2**64))},
    **{f"discriminator_layers {n}": built(cyclegan, discriminator_layers=n) for n in (-1, 100_000, 10**9)},
    **{f"discriminator_features {n}": built(cyclegan, discriminator_features=n) for n in (0, -1, 10**6, 10**12)},
    "discriminator_features of a bundle": described(
        "discriminator_features: 4", "discriminator_features: 1000000", cyclegan
    ),
    "discriminator_layers of a bundle": described("discriminator_layers: 1", "discriminator_layers: 100000", cyclegan),
    **{f"unet of {n}": built(unet, blocks=n) for n in (0, 4, 6, 13, 40, 10**9, 10**15)},
    **{f"projection_features {n}": built(cut_method, projection_features=n) for n in (0, 10**12)},
    "nce_layers": built(cut_method, nce_layers=[10**9]),
    "many nce_layers": built(cut_method, nce_layers=list(range(90_000))),
    **{f"working_size {n}": sized(n) for n in (0, -1, 10**9)},
    **{f"working_size {n} {m}": sized([n, m]) for n, m in ((0, 0), (-1, 8), (10**9, 10**9), (8, 10**9), (5000, 1))},
    "working_size of three": sized([8, 8, 8]),
    "working_size of text": sized(["8", "8"]),
    "working_size of fractions": sized([8.0, 8.0]),
    "fda without statistics": without_statistics(lambda: FDA(size=(16, 16))),
    "fda without size": without_statistics(FDA),
    "fda of no size": described(
        "size:\n  - 16\n  - 16", "size: [0, 0]", with_statistics(lambda: FDA(beta=0.1, size=(16, 16)))
    ),
    "fda of a large size": described(
        "size:\n  - 16\n  - 16", "size: [1000000, 1000000]", with_statistics(lambda: FDA(beta=0.1, size=(16, 16)))
    ),
    "color transfer without statistics": without_statistics(ColorTransfer),
    "histograms without statistics": without_statistics(HistogramMatching),
    "histograms of nothing": bundle_weights(
        lambda weights: weights["synthetic.levels"].zero_(), with_statistics(HistogramMatching)
    ),
    "negative count": bundle_weights(lambda weights: weights["real.count"].neg_(), with_statistics(ColorTransfer)),
}


def _weights() -> Iterator[tuple[str, Writer]]:
    of_good: dict[str, Callable[[Tensor], Any]] = {
        "sparse": lambda good: good.to_sparse(),
        "sparse rows": lambda good: good.flatten(1).to_sparse_csr(),
        "quantized": quantized,
        "complex": lambda good: good.to(torch.complex64),
        "meta": lambda good: good.to("meta"),
        "integers": lambda good: good.long(),
        "bytes": lambda good: good.to(torch.uint8),
        "truths": lambda good: good.bool(),
        "eighth": lambda good: good.to(torch.float8_e4m3fn),
        "transposed": lambda good: good.transpose(0, 1),
        "flat": lambda good: good.flatten(),
        "empty": lambda good: good[:0],
        "scalar": lambda good: good.sum(),
        "not a number": lambda good: good * float("nan"),
        "infinite": lambda good: good / 0,
        "too large for float32": lambda good: torch.full_like(good, 1e300, dtype=torch.float64),
        "repeated": lambda good: torch.zeros(()).expand(good.shape),
        "huge": lambda good: torch.zeros(()).expand(10**6, 10**6),
    }
    for name, change in of_good.items():
        yield f"weights: {name}", weighed(change)
    yield "weights: none", ckpt(lambda stored: stored.update(state_dict={}))
    yield "weights: no entry", ckpt(lambda stored: stored.pop("state_dict"))
    yield "weights: one missing", ckpt(lambda stored: stored["state_dict"].pop("refiner.head.weight"))
    yield "weights: one more", ckpt(lambda stored: stored["state_dict"].update({"refiner.x": torch.ones(1)}))
    yield "weights: long name", ckpt(lambda stored: stored["state_dict"].update({f"refiner.{LONG}": torch.ones(1)}))
    yield "weights: long keys", ckpt(lambda stored: stored["refine"]["init_args"].update({LONG: 1}))
    yield "bundle: one missing", bundle_weights(lambda weights: weights.pop("refiner.head.bias"))
    yield "bundle: one more", bundle_weights(lambda weights: weights.update(x=torch.ones(1)))
    yield "bundle: long name", bundle_weights(lambda weights: weights.update({LONG: torch.ones(1)}))
    yield (
        "bundle: integers",
        bundle_weights(lambda weights: weights.update({"refiner.head.bias": torch.ones(3).long()})),
    )
    yield "bundle: no tensors", bundle_weights(lambda weights: weights.clear())
    for length in (0, 2, 1 << 24, 1 << 40, 2**64 - 1):
        yield f"bundle: header of {length}", bundle(safetensors_with_header(length))
    yield "bundle: header of spaces", bundle(safetensors_with_header(50 << 20, b"{}" + b" " * ((50 << 20) - 2)))
    yield "bundle: header nested", bundle(safetensors_with_header(60_000, b'{"a":' * 12_000))
    yield "bundle: weights missing", bundle(lambda folder: (folder / WEIGHTS).unlink())
    yield "bundle: description missing", bundle(lambda folder: (folder / DESCRIPTION).unlink())
    yield "bundle: description empty", bundle(lambda folder: (folder / DESCRIPTION).write_text(""))
    yield "bundle: description large", bundle(lambda folder: (folder / DESCRIPTION).write_text("#" * (3 << 20)))
    yield "bundle: description not text", bundle(lambda folder: (folder / DESCRIPTION).write_bytes(b"\xff\xfe\x00"))
    yield "bundle: description a list", bundle(lambda folder: (folder / DESCRIPTION).write_text("[1, 2]"))
    yield "bundle: two documents", bundle(lambda folder: (folder / DESCRIPTION).write_text("a: 1\n---\nb: 1\n"))


def _classes() -> Iterator[tuple[str, Writer]]:
    names = [
        "os.system",
        "refine",
        "refine.",
        ".",
        "",
        "refine..x.Y",
        "refine.methods.base.Method",
        "refine.methods.base.torch",
        "refine.methods.training_free.TrainingFree",
        "refine.cli.main",
        "refine.__main__.entry",
        "refine.nothing.Nothing",
        "refine.methods.simgan.Nothing",
        "refine.methods.simgan.\0",
        "refine.met\0hods.simgan.SimGAN",
        "refine.methods.simgan.SimGAN\n\n",
        f"refine.{LONG}.SimGAN",
        f"refine.methods.simgan.{LONG}",
        LONG,
        "refine." * 1000 + "X",
        "réfine.methods.simgan.SimGAN",
    ]
    for name in names:
        yield f"class {name[:30]!r} of {len(name)}", said(class_path=name)


BYTEARRAY = b"\x80\x02cbuiltins\nbytearray\n\x8a\x06\x00\x00\x00\x00\x10\x00\x85R."
"""Reserves 64 GiB."""


def paired(key: bytes) -> bytes:
    """Opcodes of an ordered dictionary as Python 2 wrote it: a list of one list of a key and a value."""
    return b"\x80\x02ccollections\nOrderedDict\n]](" + key + b"Neae\x85R."


def commented(data: bytearray) -> None:
    """Put an end of a directory into the comment of the end."""
    data[-2] = END
    data.extend(bytes(data[-END:]))


ARCHIVES: dict[str, Writer] = {
    "empty": raw(b""),
    "text": raw(b"weights"),
    "pickle": raw(pickle.dumps({"refine": {}})),
    "pickle in pickle": raw(pickle.dumps(nested(300))),
    "beginning alone": raw(b"PK\x03\x04"),
    "legacy": legacy,
    "code": ckpt(lambda stored: stored.update(code=Code())),
    "code in the description": said(versions=Code()),
    "compressed": rezipped(lambda name, content: content, zipfile.ZIP_DEFLATED),
    "inflates": rezipped(
        lambda name, content: b"\0" * (200 << 20) if name == "data/0" else content, zipfile.ZIP_DEFLATED
    ),
    "inflating opcodes": rezipped(
        lambda name, content: b"\x80\x02" + b"N" * (50 << 20) if name == "data.pkl" else content, zipfile.ZIP_DEFLATED
    ),
    "storages larger than their bytes": rezipped(enlarged),
    "storages cut": rezipped(lambda name, content: content[:-1] if name == "data/0" else content),
    "spans disks": patched(lambda data: data.__setitem__(16 - LOCATOR, 2)),
    "two directories": two_directories(tuples_as_key(60)),
    "two directories, the other of a bytearray": two_directories(BYTEARRAY),
    "many entries": many_entries,
    "names that differ in case": in_capitals,
    "bytes before it": patched(lambda data: data.__setitem__(slice(0, 0), b"PK\x03\x04")),
    "bytes after it": patched(lambda data: data.extend(b"x")),
    "a comment": patched(commented),
    "a large end elsewhere": patched(lambda data: numbers(data, 8 - LOCATOR, 0)),
    "more entries than there are": patched(lambda data: numbers(data, 24 - LARGE_END, 9999, 9999)),
    "a directory of no bytes": patched(lambda data: numbers(data, 40 - LARGE_END, 0, len(data) - LARGE_END)),
    "a member elsewhere": patched(lambda data: data.__setitem__(data.index(b"PK\x01\x02") + 42, 1)),
    "a member of another name": patched(lambda data: data.__setitem__(30, ord("b"))),
    "a member that is compressed there": patched(lambda data: data.__setitem__(8, 8)),
    "encrypted": patched(lambda data: data.__setitem__(data.index(b"PK\x01\x02") + 8, 1)),
    "members that overlap": patched(
        lambda data: numbers(data, data.index(b"PK\x01\x02") + 20, (len(data) // 2 << 32) + len(data) // 2)
    ),
    "sizes that are not there": patched(lambda data: numbers(data, data.index(b"PK\x01\x02") + 20, 2**64 - 1)),
    "no opcodes": opcodes(b""),
    "opcodes cut": rezipped(lambda name, content: content[:-40] if name == "data.pkl" else content),
    "many opcodes": opcodes(b"\x80\x02" + b"N" * (3 << 20) + b"."),
    "tuples as key": opcodes(tuples_as_key(60)),
    "deep tuples": opcodes(b"\x80\x02)" + b"\x85" * 300_000 + b"."),
    "deep tuple as key": opcodes(b"\x80\x02})" + b"\x85" * 300_000 + b"Ns."),
    "bytearray": opcodes(BYTEARRAY),
    "tuple as the key of a pair": opcodes(paired(tuples_as_key(60)[3:-3])),
    "pairs of a tensor": opcodes(b"\x80\x02ccollections\nOrderedDict\nctorch\nSize\n)R\x85R."),
    "pairs of text": opcodes(b"\x80\x02ccollections\nOrderedDict\n](U\x02abe\x85R."),
    "a parameter of a number": opcodes(b"\x80\x02ctorch.nn.parameter\nParameter\nK\x01\x85R."),
    "tensor": opcodes(b"\x80\x02ctorch\nTensor\nJ\x00\x00\x00\x40J\x00\x00\x00\x01\x86R."),
    "unknown opcode": opcodes(b"\x80\x02\xff."),
    "no stack": opcodes(b"\x80\x02s."),
    "a number": opcodes(b"\x80\x02K\x01."),
    "a list": opcodes(b"\x80\x02]."),
    "other byte order": rezipped(lambda name, content: b"odd" if name == "byteorder" else content),
    "another state of a state dict": opcodes(
        b"\x80\x02}X\x0a\x00\x00\x00state_dictccollections\nOrderedDict\n)R}X\x05\x00\x00\x00itemsNsbs."
    ),
}


def hostile_checkpoints() -> Iterator[tuple[str, Writer]]:
    """Names and writers of files that every command refuses: in one line, with code 2, at once and leaving nothing."""
    yield from _scalars()
    yield from _not_plain()
    yield from SIZES.items()
    yield from _weights()
    yield from _classes()
    yield from ARCHIVES.items()
