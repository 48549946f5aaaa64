"""Back to where the image came from: does it still say its label there, without a signal hidden in faint pixels?"""

from pathlib import Path

import torch
from torch import Tensor

from refine.data.images import to_float, to_levels
from refine.errors import InputError
from refine.methods.base import Method
from refine.methods.checkpoint import read_checkpoint
from refine.methods.cyclegan import CycleGAN
from refine.methods.rebuild import fitting
from refine.methods.way_back import INVERSE
from refine.metrics.exact import without_tf32

NOISE = 0.05
"""Standard deviation of the noise on the way, of a range of 2: more than six 8-bit levels, which is far above what
CycleGAN hides in the pixels (Chu et al. 2017, arXiv 1712.02950, section 3), and hardly seen."""


def load_inverse(path: Path, method: Method) -> str | None:
    """Give a loaded method the weights of its way back, where its file has them.

    `load_method` reads only what refining needs.

    Args:
        path: The `.ckpt` or bundle that ``method`` was loaded from.
        method: It is changed in place.

    Returns:
        None if there is a way back now, else one sentence that says why not.

    Raises:
        InputError: If the file cannot be read, or its weights do not fit.
    """
    if not isinstance(method, CycleGAN):
        return f"{type(method).__name__} has no way back to synthetic images."
    if path.is_dir():
        return f"{path.name} is a bundle, which has no way back; name the .ckpt that it was made from."
    stored = read_checkpoint(path).get("state_dict")
    found = {name: weight for name, weight in dict(stored or {}).items() if name.startswith(INVERSE)}
    wanted = {name: weight for name, weight in method.state_dict().items() if name.startswith(INVERSE)}
    if set(found) != set(wanted):
        return f"{path.name} has no complete weights of the way back."
    try:
        method.load_state_dict(fitting(path, wanted, found), strict=False, assign=True)
    except InputError as error:
        raise InputError(f"{path}: its way back does not fit the method ({error})") from error
    return None


@without_tf32()
def going_back(method: Method, refined: Tensor, generator: torch.Generator, noise: float = NOISE) -> Tensor | None:
    """Refined images, taken back to the synthetic domain: rounded to 8 bits, made noisy, rounded, and translated.

    Args:
        method: The method that refined them, in eval mode.
        refined: ``(B, C, H, W)`` in [-1, 1], of any size, as `Translator.refine` gives them.
        generator: Draws the noise.
        noise: Its standard deviation, of a range of 2. A cycle loss teaches translators to hide what they need for
            the way back in faint pixels; a label that comes back through noise was there to be seen.

    Returns:
        The same shape and range, to the levels of 8 bits; None where the method has no way back (`load_inverse`
        says why).

    Source:
        Chu et al. 2017, CycleGAN, a master of steganography, arXiv 1712.02950: what is hidden does not survive noise.
    """
    if not isinstance(method, CycleGAN) or not method.has_inverse:
        return None
    written = to_float(to_levels(refined))
    drawn = torch.randn(refined.shape, generator=generator, device=generator.device).to(refined.device)
    seen = to_float(to_levels(written + noise * drawn))
    return to_float(to_levels(method.simulate(seen)))
