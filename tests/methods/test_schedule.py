import pytest

from refine.methods import CUT, CycleGAN
from refine.methods.schedule import constant_then_linear


def test_the_factor_is_one_for_its_steps_and_falls_linearly_to_zero_at_the_last() -> None:
    assert [constant_then_linear(step, 200, 150) for step in (0, 150, 175, 200, 300)] == [1.0, 1.0, 0.5, 0.0, 0.0]


def test_a_schedule_that_never_falls_does_not_divide_by_zero() -> None:
    assert constant_then_linear(9, 10, 10) == 1.0


def test_an_odd_number_of_steps_has_the_halves_that_runs_had_before() -> None:
    small = {"features": 4, "blocks": 1, "discriminator_features": 4}
    assert CycleGAN(**small, steps=7).decay(4) == pytest.approx(0.75)  # type: ignore[arg-type]  # 3 constant
    assert CUT(**small, nce_layers=[0], steps=7).decay(4) == 1.0  # type: ignore[arg-type]  # 4 constant
