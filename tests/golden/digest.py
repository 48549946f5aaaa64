"""Files as text that two runs of the same code write alike: without places, times, rates and progress."""

import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

LARGEST_TEXT = 2_000_000
"""Bytes; larger texts are known by their hash."""

NOISE = (
    (re.compile(r"^.*: \d+ of \d+ (?:\(\d+ %\)|in \d).*\n", re.M), ""),  # progress
    (re.compile(r'("(?:\w*_)?(?:seconds|minutes|time|date)"): [\d.e+-]+'), r"\1: TIME"),
    (re.compile(r"(?<![\w.])\d+(?:\.\d+)? (?=(?:s|ms|min|h)\b)"), "T "),
    (re.compile(r"(?<![\w.])[\d.]+ (?=\w+/s\b)"), "R "),
    (re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)+", re.M), "Traceback:\n"),
    (re.compile(r"\S+\.py:\d+: (\w*Warning: .*)\n.*\n"), r"\1\n"),
    (re.compile(r"(?<=tfevents)\.[\w.-]+"), ""),
)
INLINE = re.compile(r"data:([\w/+.-]+);base64,([\w+/=]+)")


class Digests:
    """Digests of the files below one folder.

    Args:
        places: What stands for each path in texts, longer paths first.
    """

    def __init__(self, places: dict[str, str]) -> None:
        self.places = dict(places)

    def text(self, text: str) -> str:
        """A text without what differs from run to run."""
        text = text.replace("<wbr>", "")  # pages break paths by it
        for place, name in self.places.items():
            text = text.replace(place, name)
        text = INLINE.sub(lambda found: f"data:{found[1]};sha256,{_sha(found[2].encode())}", text)
        for pattern, replacement in NOISE:
            text = pattern.sub(replacement, text)
        return text

    def file(self, path: Path, name: str) -> str:
        """A file's content: its text, its tensors, or its hash.

        Args:
            path: Where it lies.
            name: What stands for the hash of a checkpoint's bytes, which name its writer's modules and its place.
        """
        data = path.read_bytes()
        if path.suffix in {".ckpt", ".pth", ".pt"}:
            self.places[hashlib.sha256(data).hexdigest()] = f"SHA256({name})"
            return self.text("\n".join(_flat(torch.load(io.BytesIO(data), weights_only=True))))
        if path.suffix == ".safetensors":
            return "\n".join(_safetensors(path))
        if path.suffix == ".npz":
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                return "\n".join(_flat({name: arrays[name] for name in arrays.files}))
        if path.suffix == ".onnx":
            return "\n".join(_onnx(data))
        if "tfevents" in path.name:
            return "\n".join(_events(path))
        if len(data) <= LARGEST_TEXT and b"\0" not in data:
            try:
                return self.text(data.decode())
            except UnicodeDecodeError:
                pass
        return f"sha256 {_sha(data)}"


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:20]


def _array(values: Any) -> str:
    if isinstance(values, torch.Tensor):
        flat = values.detach().cpu().contiguous().reshape(-1)
        data = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    else:
        data = np.ascontiguousarray(values).tobytes()
    return f"{str(values.dtype).removeprefix('torch.')} {tuple(values.shape)} {_sha(data)}"


def _flat(value: Any, place: str = "") -> Iterator[str]:
    """A line for each value of a nested structure."""
    if isinstance(value, torch.Tensor | np.ndarray):
        yield f"{place} = {_array(value)}"
    elif isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{place}/{key}")
    elif isinstance(value, list | tuple) and value:
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{place}/{number}")
    else:
        yield f"{place} = {value!r}"


def _safetensors(path: Path) -> Iterator[str]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        yield from _flat({"metadata": file.metadata()})
        yield from _flat({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118  # it is no dict


def _onnx(data: bytes) -> Iterator[str]:
    """The graph without the exporter's notes, which hold lines of source."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(data)
    yield from (f"opset {each.domain} {each.version}" for each in model.opset_import)
    for kind in ("input", "output"):
        yield from (f"{kind} {each.name} {_sha(each.type.SerializeToString())}" for each in getattr(model.graph, kind))
    for each in model.graph.initializer:
        yield f"{each.name} = {_array(numpy_helper.to_array(each))}"
    for node in model.graph.node:
        attributes = [_sha(each.SerializeToString()) for each in node.attribute]
        yield f"{node.op_type} {[*node.input]} {[*node.output]} {attributes}"


def _events(path: Path) -> Iterator[str]:
    """Scalars and pictures of TensorBoard."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(path), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    for tag in sorted(events.Tags()["scalars"]):
        yield from (f"{tag} at {each.step} = {each.value!r}" for each in events.Scalars(tag))
    for tag in sorted(events.Tags()["images"]):
        yield from (f"{tag} at {each.step} = {_sha(each.encoded_image_string)}" for each in events.Images(tag))
