"""A method's network as `model.onnx`, of images of any size, held against torch before it is handed over."""

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
from refine.methods.base import Method
from refine.methods.task import Task
from refine.methods.translator import Translator
from refine.networks.layers import pad, padding_for, unpad

NETWORK = "model.onnx"
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-4
"""Of the largest difference from torch. A level of an 8-bit image is 78 times as much."""


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
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"ONNX needs {', '.join(missing)}, not installed here; pip install 'sim2real-refine[onnx]'")
    network: nn.Module = method
    if isinstance(method, Translator):
        network, output, tiny = AnySize(method).eval(), "refined", (5, 7)
        side = max(method.multiple, method.smallest_side, 16)  # the network takes it without padding
    elif isinstance(method, Task):
        output, side, tiny = "output", 64, (32, 32)
    else:
        raise InputError(f"{type(method).__name__} has no network to write as ONNX; name a translator or a task model")
    program = _export(method, network, _images(method, 2, side + 5, 2 * side - 3), output)
    program.save(folder / NETWORK, external_data=False)
    difference = 0.0
    for size in ((2, *tiny), (1, side, side), (2, side + 1, side + side // 2)):
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


class AnySize(nn.Module):
    """Pads, calls the network, crops and clamps, without a branch in Python that would hang on the size.

    Tracing turns Python's decisions into constants: here the reflected and the replicated positions are
    numbers in tensors, and pixels are gathered from them. The result equals `refine.networks.layers.pad`.

    Args:
        translator: In eval mode.
    """

    def __init__(self, translator: Translator) -> None:
        super().__init__()
        self.translator = translator
        self.multiple = translator.multiple
        self.smallest_side = translator.smallest_side

    def forward(self, images: Tensor) -> Tensor:
        """``(B, channels, H, W)`` in [-1, 1], any H and W, to the same."""
        if self.multiple == 1 and self.smallest_side == 1:
            return self._refined(images)
        height, width = images.shape[-2:]
        rows, top = padded_positions(height, self.multiple, self.smallest_side, images.device)
        columns, left = padded_positions(width, self.multiple, self.smallest_side, images.device)
        refined = self._refined(images.index_select(-1, columns).index_select(-2, rows))
        # Gathered, not sliced: the exported output then has the input's height and width by name.
        rows, columns = (torch.arange(side, device=images.device) for side in (height, width))
        return refined.index_select(-2, rows + top).index_select(-1, columns + left)

    def _refined(self, images: Tensor) -> Tensor:
        refined: Tensor = self.translator(images)
        return refined.clamp(-1.0, 1.0)


def padded_positions(
    side: int, multiple: int, smallest: int, device: torch.device
) -> tuple[Tensor, int | torch.SymInt]:
    """Say which pixel stands at each place of a padded row or column, and how many places stand before the first.

    Args:
        side: Pixels before padding; may be symbolic.
        multiple: What the padded side is a multiple of.
        smallest: The shortest padded side.
        device: Of the positions.

    Returns:
        ``(padded,)`` int64 in [0, side): reflected, or replicated where the side is no longer than its padding.
    """
    padded = (torch.sym_max(side, smallest) + multiple - 1) // multiple * multiple
    before = (padded - side) // 2
    places = torch.arange(padded, device=device) - before
    last = side - 1
    reflected = last - (last - places.abs()).abs()
    reach = torch.maximum(-places.amin(0), places.amax(0) - last)
    return torch.where(reach < side, reflected, places.clamp(0, last)), before


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
    refined: Tensor = unpad(method(pad(images, padding)), padding)
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
