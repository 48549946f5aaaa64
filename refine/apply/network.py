"""The network's side of `apply`: a batch of decoded images in, refined levels out."""

import re

import numpy as np
import torch
from torch import Tensor

from refine.apply.codec import Levels, Picture
from refine.data.images import to_float, to_levels
from refine.errors import InputError
from refine.files import cut
from refine.methods.translator import Translator

HALF_RANGE = 32767.5
PRECISIONS = ("32", "bf16")


class OutOfMemory(MemoryError):
    """A single image does not fit into memory with this network."""


def set_scale(translator: Translator, scale: str) -> None:
    """Override at which size the network sees an image: ``native``, ``trained`` or ``HEIGHTxWIDTH``.

    Raises:
        InputError: If it is none of these.
    """
    size = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", scale)
    if size:
        translator.working_size = (int(size[1]), int(size[2]))
    elif scale == "native":
        translator.working_size = None
    elif scale != "trained":
        raise InputError(f"--scale {scale!r}: expected native, trained, or HEIGHTxWIDTH such as 256x256")


def set_strength(translator: Translator, strength: float) -> None:
    """Set how much of the change an image gets.

    Raises:
        InputError: If it is not above 0 and up to 1.
    """
    if not 0.0 < strength <= 1.0:
        raise InputError(f"--strength {strength:g}: expected a number above 0 and up to 1")
    translator.strength = strength


class Network:
    """A translator on its device.

    Args:
        translator: In eval mode; it is moved.
        device: Where it runs.
        precision: ``32`` or ``bf16`` (autocast). 16-bit images always run in full precision: bf16 holds 8 bits.

    Raises:
        InputError: If the precision is unknown.
    """

    def __init__(self, translator: Translator, device: torch.device, precision: str) -> None:
        if precision not in PRECISIONS:
            raise InputError(f"--precision {precision!r}: expected one of {', '.join(PRECISIONS)}")
        self.translator = translator.eval().to(device)
        self.device = device
        self.precision = precision

    def __call__(self, pictures: list[Picture], size: int) -> list[Levels | None]:
        """Refine pictures of one size and depth in one call of exactly ``size`` images.

        Returns:
            For each picture its refined levels, or None where the network gave NaN or infinity.

        Raises:
            OutOfMemory: If a call with a single image does not fit.
            InputError: If a call with several does not, or the network fails.
        """
        filled = pictures + [pictures[-1]] * (size - len(pictures))
        deep = pictures[0].seen.is_16_bit
        stacked = np.stack([picture.color for picture in filled])
        levels = torch.from_numpy(stacked.astype(np.int32) if deep else stacked)
        try:
            refined = self._refine(levels.to(self.device).permute(0, 3, 1, 2), deep)
            finite = torch.isfinite(refined).flatten(1).all(1).tolist()
            result = _deep_levels(refined) if deep else to_levels(refined)
            array = result.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        except (RuntimeError, ValueError, IndexError) as error:
            # torch's OutOfMemoryError is a RuntimeError, and the CPU allocator raises a plain one
            if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
                shape = "x".join(map(str, stacked.shape[1:]))
                raise InputError(
                    f"{type(self.translator).__name__} cannot refine images of {shape} (height x width x channels): "
                    f"{cut(' '.join(str(error).split()), 300)}; name another checkpoint"
                ) from error
            if size == 1:
                raise OutOfMemory("too large for the memory of this device") from error
            raise InputError(
                f"a batch of {size} images of {stacked.shape[1]}x{stacked.shape[2]} does not fit into memory; "
                "choose a smaller --batch-size and another --output (it changes the result by up to one level)"
            ) from error
        kept: list[Levels | None] = []
        for index in range(len(pictures)):
            kept.append((array[index].astype(np.uint16) if deep else array[index]) if finite[index] else None)
        return kept

    def _refine(self, levels: Tensor, deep: bool) -> Tensor:
        images = levels.float() / HALF_RANGE - 1.0 if deep else to_float(levels)
        half = self.precision == "bf16" and not deep
        exact = torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=not deep and torch.backends.cudnn.allow_tf32
        )
        autocast = torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half)
        with torch.inference_mode(), exact, autocast:
            return self.translator.refine(images.contiguous()).float()


def _deep_levels(images: Tensor) -> Tensor:
    """Floats in [-1, 1] to 0 … 65535 as int32."""
    return ((images + 1.0) * HALF_RANGE).round().clamp(0, 65535).to(torch.int32)
