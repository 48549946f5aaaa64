import math
from collections.abc import Callable
from typing import Any

import pytest

from refine.errors import InputError
from refine.methods import CUT, CyCADA, CycleGAN
from refine.methods.base import Method
from refine.methods.ranges import require_at_least, require_bound, require_numbers, require_positive

SMALL: dict[str, Any] = {"features": 4, "blocks": 1, "discriminator_features": 4}
CONTRAST: dict[str, Any] = {"nce_layers": [0, 4], "projection_features": 4}
METHODS: list[Callable[..., Method]] = [CycleGAN, CyCADA, CUT]


def build(method: Callable[..., Method], **arguments: Any) -> Method:
    return method(**{**SMALL, **(CONTRAST if method is CUT else {}), **arguments})


def test_the_ends_of_a_range_belong_to_it_where_that_is_said() -> None:
    require_at_least(0, {"a": 0.0, "b": 1})
    require_positive({"a": 1e-12})
    require_numbers({"a": math.inf, "b": -1.0})
    require_bound("hinge", False, "it")
    require_bound("wasserstein", True, "it")
    with pytest.raises(InputError, match=r"b is -1; expected 0 \(off\) or more"):
        require_at_least(0, {"a": 0, "b": -1}, " (off)")
    with pytest.raises(InputError, match=r"a is 0\.0; expected more than 0"):
        require_positive({"a": 0.0})


@pytest.mark.parametrize("value", [-1.0, 0.0, math.nan])
@pytest.mark.parametrize("method", METHODS)
def test_a_learning_rate_that_is_not_above_zero_is_refused(method: Callable[..., Method], value: float) -> None:
    with pytest.raises(InputError, match="learning_rate is"):
        build(method, learning_rate=value)


@pytest.mark.parametrize("name", ["features", "discriminator_features"])
@pytest.mark.parametrize("method", METHODS)
def test_networks_without_features_are_refused(method: Callable[..., Method], name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is 0; expected 1 or more"):
        build(method, **{name: 0})


@pytest.mark.parametrize("name", ["blocks", "discriminator_layers"])
@pytest.mark.parametrize("method", METHODS)
def test_fewer_than_no_layers_are_refused(method: Callable[..., Method], name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is -1; expected 0 or more"):
        build(method, **{name: -1})


@pytest.mark.parametrize(("name", "value"), [("history_size", -1), ("cycle_noise", -0.1), ("cycle_noise", math.nan)])
@pytest.mark.parametrize("method", [CycleGAN, CyCADA])
def test_history_and_noise_begin_at_zero(method: Callable[..., Method], name: str, value: float) -> None:
    with pytest.raises(InputError, match=rf"{name} is .*; expected 0 \(off\) or more"):
        build(method, **{name: value})


@pytest.mark.parametrize("name", ["gate", "real_gate"])
def test_a_gate_that_nothing_could_open_or_close_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is nan; expected a number"):
        build(CyCADA, **{name: math.nan})


@pytest.mark.parametrize("name", ["projection_features", "nce_weight", "identity_nce_weight", "temperature"])
def test_arguments_of_the_contrast_are_refused_out_of_range(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is"):
        build(CUT, **{name: 0 if name == "projection_features" else math.nan})


@pytest.mark.parametrize("method", METHODS)
def test_a_wasserstein_critic_needs_a_bound(method: Callable[..., Method]) -> None:
    with pytest.raises(
        InputError, match=r"adversarial_loss=wasserstein needs a bound .*spectral_norm to true"
    ) as error:
        build(method, adversarial_loss="wasserstein")
    assert "\n" not in str(error.value)
    build(method, adversarial_loss="wasserstein", spectral_norm=True)
    if method is not CUT:
        build(method, adversarial_loss="wasserstein", penalty="r1")
