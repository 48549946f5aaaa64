"""A method's network as `model.onnx`, held against torch before it is handed over."""

import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from refine.errors import InputError
from refine.interop.any_size import AnySize
from refine.methods.base import Method
from refine.methods.task import Task
from refine.methods.translator import Translator
from refine.networks.padding import crop, pad, padding_for

NETWORK = "model.onnx"
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-4
"""Of the largest difference from torch. A level of an 8-bit image is 78 times as much."""


def require_onnx() -> None:
    """Raise `InputError` if a package of the extra `onnx` is missing."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"ONNX needs {', '.join(missing)}, not installed here; pip install 'sim2real-refine[onnx]'")


def write_onnx(method: Method, folder: Path) -> float:
    """Write `model.onnx` and compare ONNX Runtime with torch on three sizes.

    The file maps ``images`` ``(batch, channels, height, width)`` float32 in [-1, 1], of any size, to ``refined``,
    the same, as `Translator.refine` does at native scale; of a task model to ``output``, as its `forward` does.

    Args:
        method: A translator or a task model, in eval mode on the CPU.
        folder: Where to; it must exist.

    Returns:
        The largest absolute difference.

    Raises:
        InputError: If a package is missing, the method has no graph, or ONNX Runtime disagrees with torch.
    """
    require_onnx()
    network, output = _network(method)
    side = _side(method)
    program = _export(method, network, _images(method, 2, side + 5, 2 * side - 3), output)
    program.save(folder / NETWORK, external_data=False)
    tiny = (2, 5, 7) if isinstance(method, Translator) else (2, side // 2, side // 2)
    difference = 0.0
    for size in (tiny, (1, side, side), (2, side + 1, side + side // 2)):
        images = _images(method, *size)
        try:
            found = _run(folder / NETWORK, images, output)
        except Exception as error:  # of the graph, such as a size that became a constant in it
            raise InputError(
                f"{type(method).__name__}: ONNX Runtime cannot run it on {size[1]}x{size[2]} ({_reason(error)}), so no "
                "ONNX is written; export without --onnx"
            ) from error
        expected = _in_torch(method, images)
        difference = max(difference, float((found - expected).abs().max()))
    if not difference <= TOLERANCE:  # NaN too
        raise InputError(
            f"{type(method).__name__}: ONNX Runtime differs from torch by {difference:.1e} (at most {TOLERANCE:.0e} is "
            "taken), so no ONNX is written; export without --onnx, or try other versions of torch and onnxruntime"
        )
    return difference


def resized_for(method: Method) -> tuple[int, int] | None:
    """Height and width that a translator's training images were resized to: `model.onnx` leaves resizing to others."""
    return method.working_size if isinstance(method, Translator) else None


def _network(method: Method) -> tuple[nn.Module, str]:
    if isinstance(method, Translator):
        return AnySize(method).eval(), "refined"
    if isinstance(method, Task):
        return method, "output"
    raise InputError(f"{type(method).__name__} has no network to write as ONNX; name a translator or a task model")


def _side(method: Method) -> int:
    """A side that the network takes without padding."""
    return max(method.multiple, method.smallest_side, 16) if isinstance(method, Translator) else 64


def _images(method: Method, count: int, height: int, width: int) -> Tensor:
    channels = method.channels
    assert isinstance(channels, int)
    return torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(height)) * 2.0 - 1.0


def _export(method: Method, network: nn.Module, example: Tensor, output: str) -> Any:
    # The exporter takes no networks that have a smallest size, or divide the size, without being told a range.
    sides = (Dim("height"), Dim("width")) if isinstance(method, Translator) else (Dim.AUTO, Dim.AUTO)
    free = {0: Dim("batch"), 2: sides[0], 3: sides[1]}
    try:
        with _silence(), torch.no_grad():
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                dynamic_shapes=(free,),
                input_names=["images"],
                output_names=[output],
                verbose=False,
            )
    except OSError:
        raise
    except Exception as error:  # of the many that the exporter has for what it does not know
        raise InputError(
            f"{type(method).__name__} cannot be written as ONNX ({_reason(error)}); export without --onnx"
        ) from error
    assert program is not None
    for node in program.model.graph.all_nodes():  # each holds a stack trace, with paths of this machine
        node.metadata_props.clear()
    return program


def _reason(error: BaseException) -> str:
    """The first sentence of what went wrong first: the exporter wraps it in advice to its developers."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()).split(". ")[0][:160] or type(error).__name__


def _run(file: Path, images: Tensor, output: str) -> Tensor:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    (found,) = session.run([output], {"images": images.numpy()})
    return torch.from_numpy(found)


@torch.no_grad()
def _in_torch(method: Method, images: Tensor) -> Tensor:
    if not isinstance(method, Translator):
        return torch.as_tensor(method(images))
    padding = padding_for(images.shape[-2], images.shape[-1], method.multiple, method.smallest_side)
    refined: Tensor = crop(method(pad(images, padding)), padding)
    return refined.clamp(-1.0, 1.0)


@contextmanager
def _silence() -> Iterator[None]:
    """The exporter warns and logs about its own inner life."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
