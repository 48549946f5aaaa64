"""The precision that losses are computed in."""

import torch
from torch import Tensor


def full_precision(values: Tensor) -> Tensor:
    """Half-precision values as float32, any shape; float32 and float64 stay as they are.

    Under autocast a network's outputs are bfloat16, with eight bits for what a mean or a logarithm makes of them.
    """
    return values.to(torch.promote_types(values.dtype, torch.float32))
