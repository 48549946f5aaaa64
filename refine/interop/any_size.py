"""A translator's network for images of any size, as one graph: what `Translator.refine` does at native scale."""

import torch
from torch import Tensor, nn

from refine.methods.translator import Translator


class AnySize(nn.Module):
    """Pads, calls the network, crops and clamps, without a branch in Python that would hang on the size.

    Tracing turns Python's decisions into constants: here the reflected and the replicated positions are
    numbers in tensors, and pixels are gathered from them. The result equals `refine.networks.padding`.

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
    """Which pixel stands at each place of a padded row or column, and how many places stand before the first.

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
