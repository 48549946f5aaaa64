"""A tiny street scene in Cityscapes' ids, for the datasets that speak its language."""

import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 24, 48


def photo(seed: int) -> NDArray[np.uint8]:
    """``(H, W, 3)``: noise around a vertical gradient."""
    rng = np.random.default_rng(seed)
    rows = np.linspace(200, 60, HEIGHT)[:, None, None] + rng.integers(0, 20, (HEIGHT, WIDTH, 3))
    return rows.astype(np.uint8)


def scene(seed: int) -> NDArray[np.uint8]:
    """``(H, W)``: sky 23, building 11, road 7, a car 26, a person 24 and a parked group of cars, also 26."""
    ids = np.full((HEIGHT, WIDTH), 23, dtype=np.uint8)
    ids[8:] = 11
    ids[16:] = 7
    left = 4 + 2 * seed
    ids[14:20, left : left + 8] = 26
    ids[12:20, left + 10 : left + 13] = 24
    ids[15:18, 40:] = 26
    return ids


def things(seed: int) -> NDArray[np.uint16]:
    """The same with Cityscapes' instance numbers: the car 26000, the person 24000, the group without a number."""
    numbers = scene(seed).astype(np.uint16)
    left = 4 + 2 * seed
    numbers[14:20, left : left + 8] = 26000
    numbers[12:20, left + 10 : left + 13] = 24000
    return numbers
