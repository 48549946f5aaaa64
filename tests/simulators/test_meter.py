from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from refine.errors import InputError
from refine.simulators.meter import MeterImage, MeterParameters, draw_meter, sample_meter

PLAIN = MeterImage(
    value=4.0,
    font="DejaVuSans.ttf",
    size=16.0,
    pitch=1.5,
    aspect=1.0,
    stroke=0.0,
    rotation=0.0,
    horizontal=0.0,
    vertical=0.0,
    bright=200.0,
    dark=50.0,
    polarity=1.0,
    light=0.0,
    blur=0.0,
    noise=0.0,
    noise_seed=0,
)


def rows_of_ink(image: MeterImage) -> list[int]:
    """Rows that hold ink, of a bright one on a dark ground."""
    return [row for row, levels in enumerate(draw_meter(image)[..., 0]) if levels.max() > 120]


def test_an_image_is_a_pure_function_of_seed_and_index_and_readings_take_turns() -> None:
    one, other = (sample_meter(123, 5, MeterParameters()) for _ in range(2))
    assert one == other
    assert np.array_equal(draw_meter(one), draw_meter(other))
    assert one != sample_meter(123, 6, MeterParameters())
    assert [sample_meter(index, 0, MeterParameters()).value for index in (0, 1, 99, 100)] == [0.0, 0.1, 9.9, 0.0]


def test_a_whole_digit_stands_in_the_middle_and_a_rising_value_moves_it_up() -> None:
    whole = rows_of_ink(PLAIN)
    assert (whole[0], whole[-1]) == (8, 23)  # 16 of 32 pixels; its neighbors' centers are 24 away
    assert rows_of_ink(replace(PLAIN, value=4.1))[0] in {5, 6}  # a tenth of 24 pixels
    next_digit = draw_meter(replace(PLAIN, value=5.0))
    assert np.array_equal(draw_meter(replace(PLAIN, value=4.999999))[8:24], next_digit[8:24])


def test_nine_is_followed_by_zero() -> None:
    zero = draw_meter(replace(PLAIN, value=0.0))
    almost = draw_meter(replace(PLAIN, value=9.999999))
    assert np.abs(zero.astype(int) - almost).max() <= 1


def test_polarity_levels_light_and_noise_are_those_asked_for() -> None:
    image = draw_meter(PLAIN)
    assert (int(image.min()), int(image.max())) == (50, 200)
    dark = draw_meter(replace(PLAIN, polarity=0.0))
    assert np.median(dark) == 200
    lit = draw_meter(replace(PLAIN, polarity=0.0, bright=100.0, light=0.5))
    assert (lit[16, 0, 0], lit[16, -1, 0]) == (50, 150)
    noisy = draw_meter(replace(PLAIN, noise=10.0)).astype(float) - image
    assert 8 < noisy.std() < 12


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"bright": (100.0, 200.0), "dark": (0.0, 90.0)}, r"at least 32 levels between the two ranges, found 10"),
        ({"vertical": (-4.0, 4.0)}, r"vertical: expected two numbers, lowest first, within \(-1.5, 1.5\)"),
        ({"fonts": ("cmsy10.ttf",)}, "fonts: 'cmsy10.ttf' is none of"),
    ],
)
def test_what_nobody_could_read_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        MeterParameters(**given)
