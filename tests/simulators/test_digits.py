from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from refine.errors import InputError
from refine.simulators import glyphs
from refine.simulators.digits import DigitImage, DigitsParameters, draw_digit, sample_digit
from refine.simulators.glyphs import DIGIT_FONTS

PLAIN = DigitImage(
    digit=1,
    font="cmss10.ttf",
    size=18.0,
    rotation=0.0,
    shear=0.0,
    stroke=0.0,
    horizontal=0.0,
    vertical=0.0,
    foreground=255.0,
    background=0.0,
    noise=0.0,
    noise_seed=0,
)


def center(image: DigitImage, rows: slice = slice(None)) -> tuple[float, float]:
    """Mean row and column of the ink, in pixels from the canvas's center; of some rows only, if given."""
    ink = draw_digit(image).astype(float)
    kept = np.zeros_like(ink)
    kept[rows] = ink[rows]
    places = np.arange(28) - 13.5
    return float(kept.sum(1) @ places / kept.sum()), float(kept.sum(0) @ places / kept.sum())


@pytest.mark.parametrize("font", DIGIT_FONTS)
def test_each_font_has_ten_digits_that_differ(font: str) -> None:
    drawn = [draw_digit(replace(PLAIN, digit=digit, font=font)).astype(float) for digit in range(10)]
    assert all(np.abs(a - b).mean() > 5 for i, a in enumerate(drawn) for b in drawn[:i])


def test_an_image_is_a_pure_function_of_seed_and_index() -> None:
    ranges = DigitsParameters()
    assert sample_digit(7, 3, ranges) == sample_digit(7, 3, ranges)
    assert sample_digit(7, 3, ranges) != sample_digit(7, 4, ranges)
    assert replace(sample_digit(7, 3, ranges), digit=0) != replace(sample_digit(8, 3, ranges), digit=0)
    assert len({sample_digit(index, 0, ranges).noise_seed for index in range(20)}) == 20
    noisy = replace(PLAIN, noise=10.0)
    assert np.array_equal(draw_digit(noisy), draw_digit(noisy))
    assert not np.array_equal(draw_digit(noisy), draw_digit(replace(noisy, noise_seed=1)))


def test_digits_take_turns() -> None:
    assert [sample_digit(index, 0, DigitsParameters()).digit for index in range(12)] == [*range(10), 0, 1]


def test_a_range_of_one_value_fixes_it_and_changes_nothing_else() -> None:
    fixed = sample_digit(3, 0, DigitsParameters(rotation=(0.0, 0.0)))
    assert fixed.rotation == 0.0
    assert fixed == replace(sample_digit(3, 0, DigitsParameters()), rotation=0.0)


def test_nothing_is_cut_off_at_the_default_ranges() -> None:
    for index in range(300):
        image = replace(sample_digit(index, 0, DigitsParameters()), noise=0.0, background=0.0)
        drawn = draw_digit(image)
        border = np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]])
        assert border.max() < 0.5 * image.foreground, image


@pytest.mark.parametrize("size", [10.0, 15.0, 20.0])
def test_size_is_the_height_of_the_ink(size: float) -> None:
    rows = draw_digit(replace(PLAIN, digit=0, size=size)).max(1) > 127
    assert rows.sum() == pytest.approx(size, abs=1)


def test_offsets_move_right_and_down_by_pixels() -> None:
    row, column = center(PLAIN)
    assert center(replace(PLAIN, horizontal=3.0, vertical=-2.0)) == pytest.approx((row - 2, column + 3), abs=0.05)
    assert center(replace(PLAIN, horizontal=0.5)) == pytest.approx((row, column + 0.5), abs=0.05)


def test_positive_rotation_turns_counterclockwise_and_positive_shear_leans_right() -> None:
    top = slice(0, 10)
    _, upright = center(PLAIN, top)
    assert center(replace(PLAIN, rotation=15.0), top)[1] < upright - 1
    assert center(replace(PLAIN, shear=0.25), top)[1] > upright + 1
    # a quarter of the ink's height for a shear of 0.25: the middle stays, the whole height moves apart
    bottom = slice(18, 28)
    apart = center(replace(PLAIN, shear=0.25), top)[1] - center(replace(PLAIN, shear=0.25), bottom)[1]
    plain = upright - center(PLAIN, bottom)[1]
    assert apart - plain == pytest.approx(0.25 * 13, abs=0.4)


@pytest.mark.parametrize("moved", [replace(PLAIN, rotation=30.0), replace(PLAIN, shear=0.3)])
def test_rotation_and_shear_keep_the_amount_of_ink(moved: DigitImage) -> None:
    assert draw_digit(moved).sum() == pytest.approx(draw_digit(PLAIN).sum(), rel=0.02)


def test_stroke_adds_its_thickness() -> None:
    row = slice(12, 15)
    widths = [draw_digit(replace(PLAIN, stroke=stroke))[row].sum() / 255 / 3 for stroke in (0.0, 1.0, 2.0)]
    assert [b - a for a, b in pairwise(widths)] == pytest.approx([1.0, 1.0], abs=0.2)


def test_levels_and_noise_are_those_asked_for() -> None:
    drawn = draw_digit(replace(PLAIN, digit=8, stroke=2.0, foreground=40.0, background=200.0))
    assert (drawn.min(), drawn.max()) == (40, 200)
    ground = draw_digit(replace(PLAIN, background=100.0, noise=10.0))[:, :6].astype(float)
    assert ground.mean() == pytest.approx(100, abs=3)
    assert ground.std() == pytest.approx(10, abs=2)
    bright = replace(PLAIN, foreground=255.0, stroke=2.0)
    inside = draw_digit(bright) == 255
    assert draw_digit(replace(bright, noise=20.0))[inside].min() > 150  # levels end at 255 and do not start anew


def test_a_font_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matplotlib.get_data_path", lambda: "/nowhere")
    with pytest.raises(InputError, match=r"/nowhere/fonts/ttf/cmss10.ttf: no such font"):
        glyphs._font("cmss10.ttf", 10)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rotation": (5.0, -5.0)}, r"rotation: expected two numbers, lowest first.*found \(5, -5\)"),
        ({"rotation": (0.0, 180.0)}, r"within \(-45, 45\), found \(0, 180\)"),
        ({"noise": (0.0, float("nan"))}, "noise: expected"),
        ({"noise": (0.0, float("inf"))}, "noise: expected"),
        ({"stroke": 1.0}, "stroke: expected two numbers.*found 1.0"),
        ({"stroke": (0.0, 0.5, 1.0)}, "stroke: expected two numbers"),
        ({"stroke": ("0", "1")}, "stroke: expected two numbers"),
        ({"stroke": (False, True)}, "stroke: expected two numbers"),
        ({"fonts": ()}, "fonts: expected one or more"),
        ({"fonts": "cmr10.ttf"}, "fonts: expected one or more"),
        ({"fonts": ("cmsy10.ttf",)}, "fonts: 'cmsy10.ttf' is none of .*DejaVuSans.ttf"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_the_name_of_its_field(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        DigitsParameters(**given)


@pytest.mark.parametrize("name", ["horizontal", "vertical"])
@pytest.mark.parametrize("offset", [(0.0, 4.0), (-4.0, 0.0)])
def test_a_digit_may_not_leave_the_canvas(name: str, offset: tuple[float, float]) -> None:
    fixed: dict[str, Any] = {"size": (20.0, 20.0), "stroke": (0.0, 0.0), name: offset}
    DigitsParameters(**fixed)
    with pytest.raises(InputError, match=f"{name}.*reaches 14.5 pixels"):
        DigitsParameters(**fixed | {"stroke": (0.0, 1.0)})
    with pytest.raises(InputError, match=f"{name}.*reaches 14.5 pixels"):
        DigitsParameters(**fixed | {"size": (20.0, 21.0)})


def test_digits_must_stand_out_whichever_of_ink_and_ground_is_brighter() -> None:
    DigitsParameters(foreground=(0.0, 50.0), background=(82.0, 255.0))
    DigitsParameters(foreground=(82.0, 255.0), background=(0.0, 50.0))
    with pytest.raises(InputError, match="at least 32 levels between the two ranges, found 31"):
        DigitsParameters(foreground=(0.0, 50.0), background=(81.0, 255.0))


def test_equal_ranges_are_equal_however_they_were_written() -> None:
    listed: Any = {"fonts": ["cmr10.ttf"], "noise": [0, 1]}
    plain = DigitsParameters(fonts=("cmr10.ttf",), noise=(0.0, 1.0))
    assert DigitsParameters(**listed) == plain
    assert repr(DigitsParameters(**listed)) == repr(plain)  # 0 and 0.0 would give two hashes
