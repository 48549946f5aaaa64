from pathlib import Path
from typing import Any

import pytest

from refine.audit.options import MOST_STEPS, TRAINING_STEPS, AuditOptions
from refine.errors import InputError


def options(**flags: Any) -> AuditOptions:
    return AuditOptions(output=Path("audit"), **flags)


def test_more_images_take_more_steps_up_to_a_limit() -> None:
    assert options().steps_for("class", 0) == TRAINING_STEPS["class"]
    assert options().steps_for("class", 8000) == TRAINING_STEPS["class"] + 1000
    assert options().steps_for("class", 10**6) == MOST_STEPS
    assert options(steps=7).steps_for("class", 10**6) == 7


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"folds": 1}, "--folds is 1; judges that never saw an image take 2 or more"),
        ({"steps": 0}, "--steps is 0; expected 1 or more"),
        ({"batch_size": -1}, "--batch-size is -1; expected 1 or more"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(flags: dict[str, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        options(**flags)
