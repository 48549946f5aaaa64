"""Targets that begin anew: a drum's reading of 0 to 9.9, an hour, a heading.

One is learned as the cosine and the sine of its place in the cycle, two targets whose names say so: there is no jump
where the cycle ends. Errors are the shorter way around, in the value's own unit.
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

PARTS = ("cosine", "sine")


class Quantity(NamedTuple):
    """A named number, and the targets that hold it."""

    name: str
    columns: tuple[int, ...]
    """Its place among the targets; of a cyclic one, those of cosine and sine."""
    period: float | None = None


def cyclic_names(name: str, period: float) -> tuple[str, str]:
    """Return the names of the two targets of a cyclic value, such as ``value mod 10 cosine``."""
    first, second = (f"{name} mod {period:.12g} {part}" for part in PARTS)
    return first, second


def on_circle(value: Tensor, period: float) -> Tensor:
    """Return ``(..., 2)`` cosine and sine of values ``(...)`` that begin anew after ``period``."""
    turn = value * (2 * math.pi / period)
    return torch.stack([turn.cos(), turn.sin()], dim=-1)


def quantities(names: Sequence[str]) -> list[Quantity]:
    """Return what targets of these names say: each by itself, but cosine and sine of one value together."""
    found: list[Quantity] = []
    for place, name in enumerate(names):
        if found and place in found[-1].columns:
            continue
        match = re.fullmatch(r"(.+ mod (\d[\d.e+-]*)) cosine", name)
        if match and list(names[place + 1 : place + 2]) == [f"{match[1]} sine"]:
            found.append(Quantity(match[1], (place, place + 1), float(match[2])))
        else:
            found.append(Quantity(name, (place,)))
    return found


def values(targets: Tensor, names: Sequence[str]) -> Tensor:
    """Return the numbers that targets ``(..., K)`` of these names stand for, ``(..., Q)``; cyclic ones from 0 on."""
    found = []
    for _, columns, period in quantities(names):
        part = targets[..., list(columns)]
        if period is None:
            found.append(part[..., 0])
        else:
            found.append(torch.atan2(part[..., 1], part[..., 0]).div(2 * math.pi).remainder(1.0) * period)
    return torch.stack(found, dim=-1)


def absolute_errors(predicted: Tensor, label: Tensor, names: Sequence[str]) -> Tensor:
    """Return errors of each quantity, ``(..., Q)``, of targets ``(..., K)``; half a period at most of cyclic ones."""
    found = []
    for _, columns, period in quantities(names):
        one, other = predicted[..., list(columns)], label[..., list(columns)]
        if period is None:
            found.append((one - other).abs()[..., 0])
        else:
            cross = one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]
            found.append(torch.atan2(cross.abs(), (one * other).sum(-1)) * (period / (2 * math.pi)))
    return torch.stack(found, dim=-1)
