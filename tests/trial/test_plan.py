"""How a trial shares its time."""

import pytest

from refine.trial.plan import TRAINING_FREE, WEIGHTS, for_training, methods, share


def test_cycada_needs_labels_that_it_can_be_held_to() -> None:
    assert methods("class") == [*TRAINING_FREE, "simgan", "cyclegan", "cut", "cycada"]
    assert "cycada" not in methods("none")
    assert "cycada" not in methods("objects")


def test_shares_use_up_the_time_and_late_methods_get_what_is_left() -> None:
    names = methods("class")
    left = 600.0
    for place, name in enumerate(names):
        if name in WEIGHTS:
            left -= share(name, names[place:], left)
    assert left == pytest.approx(0.0)
    assert share("cycada", ["cycada"], 10.0) == 10.0


def test_measuring_takes_a_part() -> None:
    assert for_training(600, benchmark=True) < for_training(600, benchmark=False) < 600
