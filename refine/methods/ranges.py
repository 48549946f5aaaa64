"""Arguments that several methods share, held against their ranges before anything is built. NaN is in no range."""

import math
from collections.abc import Mapping

from refine.errors import InputError
from refine.losses.adversarial import AdversarialName


def require_at_least(least: int, values: Mapping[str, float], least_is: str = "") -> None:
    """Raise `InputError` for the first named value below ``least``, of which ``least_is`` says what it means."""
    for name, value in values.items():
        if not value >= least:
            raise InputError(f"{name} is {value}; expected {least}{least_is} or more")


def require_positive(values: Mapping[str, float]) -> None:
    """Raise `InputError` for the first named value that is not above 0."""
    for name, value in values.items():
        if not value > 0:
            raise InputError(f"{name} is {value}; expected more than 0")


def require_numbers(values: Mapping[str, float]) -> None:
    """Raise `InputError` for the first named value that is NaN: every comparison with it is false."""
    for name, value in values.items():
        if math.isnan(value):
            raise InputError(f"{name} is {value}; expected a number")


def require_channels(channels: int) -> None:
    """Raise `InputError` for images that are neither gray nor RGB."""
    if channels not in (1, 3):
        raise InputError(f"channels is {channels}; expected 1 (gray) or 3 (RGB)")


def require_bound(adversarial_loss: AdversarialName, bounded: bool, cure: str) -> None:
    """Raise `InputError` for a Wasserstein critic whose slope nothing bounds: its scores grow without end.

    Args:
        adversarial_loss: Its name.
        bounded: Whether there is spectral normalization or a penalty on gradients.
        cure: What to set.
    """
    if adversarial_loss == "wasserstein" and not bounded:
        raise InputError(f"adversarial_loss=wasserstein needs a bound on the critic's slope; set {cure}")
