"""Translators that also learn the way back, from real images to synthetic-looking ones."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from refine.methods.translator import Translator

INVERSE = "real_to_synthetic."
"""Before the names of the weights that lead back: training has them, a bundle has not."""


class WithWayBack(Translator):
    """A translator with a second generator."""

    real_to_synthetic: nn.Module

    def __init__(self) -> None:
        super().__init__()
        self.has_inverse = True
        """Whether `simulate` has weights of its own; False once the model was loaded from a file without them."""

    @torch.no_grad()
    def simulate(self, images: Tensor) -> Tensor:
        """The way back: refined or real images to synthetic-looking ones, of any size as `refine` takes them.

        Args:
            images: ``(B, C, H, W)`` in [-1, 1], C = 1 or 3.

        Returns:
            The same shape and range.

        Raises:
            ValueError: If the images are RGB and the network is gray, or the file that this model was loaded from
                has no way back (see `has_inverse`): its weights would be random.
        """
        if not self.has_inverse:
            raise ValueError("this model was loaded without its way back; see refine.audit.ensembles.load_with_inverse")
        return self._at_any_size(self.real_to_synthetic, images)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As torch's; what is exported has no way back, and `has_inverse` remembers which it was."""
        found = super().load_state_dict(state_dict, strict, assign)
        self.has_inverse = not any(name.startswith(INVERSE) for name in found.missing_keys)
        return found
